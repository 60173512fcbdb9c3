#include "server/config.h"

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
        };
}
