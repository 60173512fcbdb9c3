"""What the service account of the chart may do: what its Role says, what every authenticated user may,
and nothing else, for every verb of every resource that the API server has."""
import contextlib
import itertools
import json

import pytest

from test_deploy import CASES  # noqa: F401  (the same path to the chart's tests)
from test_chart import COLD, WARM

VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
         "impersonate", "bind", "escalate", "use", "approve", "sign", "proxy"]
# What RBAC gives to everybody who is somebody (system:basic-user, system:discovery,
# system:public-info-viewer).
EVERYBODY = {("authorization.k8s.io", "selfsubjectaccessreviews", "create"),
             ("authorization.k8s.io", "selfsubjectrulesreviews", "create")}


def resources(cluster):
    """(group, resource or resource/subresource), from the API server's own lists."""
    found = {("", r["name"]) for r in json.loads(cluster.kubectl("get", "--raw", "/api/v1").stdout)["resources"]}
    for group in json.loads(cluster.kubectl("get", "--raw", "/apis").stdout)["groups"]:
        for version in group["versions"]:
            listed = json.loads(cluster.kubectl("get", "--raw", f"/apis/{version['groupVersion']}").stdout)
            found |= {(group["name"], r["name"]) for r in listed["resources"]}
    # Not listed, as they are no objects; and everything at once.
    return sorted(found | {("", "users"), ("", "groups"), ("", "nodes/proxy"), ("*", "*")})


def reviews(cluster, user, space, triples):
    """Those that the authorizer lets through; one connection for all."""
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{user.split(':')[2]}", "system:authenticated"]
    found = set()
    with contextlib.closing(cluster.connect()) as connection:
        for group, resource, verb in triples:
            name, _, sub = resource.partition("/")
            told = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
                "user": user, "groups": groups, "resourceAttributes": {
                    "namespace": space, "group": group, "resource": name, "subresource": sub, "verb": verb}}}
            connection.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", json.dumps(told),
                               {"Content-Type": "application/json"})
            status = json.loads(connection.getresponse().read())["status"]
            if status["allowed"]:
                found.add((group, resource, verb))
    return found


def allowed(cluster, user, space):
    triples = list(itertools.product(resources(cluster), VERBS))
    assert len(triples) > 1000
    return reviews(cluster, user, space, [(group, name, verb) for (group, name), verb in triples])


def triples_of(role):
    return {(group, resource, verb) for (group, resource), verbs in role.items() for verb in verbs}


@pytest.mark.parametrize("options,role", [([], COLD), (["runner.warm.pods=1"], WARM)], ids=["cold", "warm"])
def test_what_it_may_do_where_it_runs(cluster, space, options, role):
    objects = space.manifests("data.mode=image", *options)
    space.apply([o for o in objects if o["kind"] in ("ServiceAccount", "Role", "RoleBinding")])
    user = f"system:serviceaccount:{space.name}:askcsv"
    assert allowed(cluster, user, space.name) == triples_of(role) | EVERYBODY


def test_what_it_may_do_elsewhere(cluster, space):
    """In another namespace, and over the whole cluster: what anybody may."""
    space.apply([o for o in space.manifests() if o["kind"] in ("ServiceAccount", "Role", "RoleBinding")])
    user = f"system:serviceaccount:{space.name}:askcsv"
    for elsewhere in ("kube-system", ""):
        assert allowed(cluster, user, elsewhere) == EVERYBODY


def test_kubectl_says_the_same(space):
    """auth can-i --list, as the account itself."""
    space.apply([o for o in space.manifests() if o["kind"] in ("ServiceAccount", "Role", "RoleBinding")])
    done = space.kubectl("auth", "can-i", "--list", f"--as=system:serviceaccount:{space.name}:askcsv")
    listed = {}
    for line in done.stdout.splitlines()[1:]:
        words = line.split("[")
        if words[0].strip():
            name, _, group = words[0].strip().partition(".")
            listed[(group, name)] = set(words[-1].rstrip("] ").split())
    assert listed == {**COLD, ("authorization.k8s.io", "selfsubjectaccessreviews"): {"create"},
                      ("authorization.k8s.io", "selfsubjectrulesreviews"): {"create"}}


def test_the_token_in_the_pod_is_that_accounts(served):
    """A server's own pod, by the account that it runs as: secrets cannot be read."""
    pod = served.pod()
    assert pod["spec"]["serviceAccountName"] == "askcsv"
    user = f"--as=system:serviceaccount:{served.space.name}:askcsv"
    for verb, kind, yes in (("get", "secrets", "no"), ("create", "secrets", "yes"), ("create", "jobs", "yes"),
                            ("create", "pods", "no"), ("update", "jobs", "no"), ("create", "pods/exec", "no")):
        assert served.space.kubectl("auth", "can-i", verb, kind, user, status=None).stdout.strip() == yes
