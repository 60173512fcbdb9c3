#include "server/config.h"

#include <string.h>

struct executor_settings config_executor(const struct config *config,
                                         const struct executor_host *host)
{
        return (struct executor_settings){
                .name = config_text(config, CONFIG_EXECUTOR),
                .host = *host,
                .docker = {.socket = config_text(config, CONFIG_DOCKER_SOCKET),
                           .image = config_text(config, CONFIG_DOCKER_IMAGE),
                           .user = config_text(config, CONFIG_DOCKER_USER),
                           .runtime = config_text(config, CONFIG_DOCKER_RUNTIME),
                           .timeout_ms = config_number(config, CONFIG_DOCKER_TIMEOUT_S) * 1000,
                           .home = config_text(config, CONFIG_DOCKER_HOME)},
                .kubernetes = {.config = config_text(config, CONFIG_KUBERNETES_CONFIG),
                               .context = config_text(config, CONFIG_KUBERNETES_CONTEXT),
                               .namespace_ = config_text(config, CONFIG_KUBERNETES_NAMESPACE),
                               .image = config_text(config, CONFIG_KUBERNETES_IMAGE),
                               .pod_template = config_text(config, CONFIG_KUBERNETES_TEMPLATE),
                               .start_ms = config_number(config, CONFIG_KUBERNETES_START_S) * 1000,
                               .ttl_s = config_number(config, CONFIG_KUBERNETES_TTL_S),
                               .request_by_secret =
                                       strcmp(config_text(config, CONFIG_KUBERNETES_REQUEST),
                                              "secret") == 0},
        };
}
