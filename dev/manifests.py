"""What must hold of the manifests in deploy/kubernetes beyond their schemas.

    manifests.py without-keda FILE    prints the objects of Kubernetes itself
    manifests.py check FILE...        checks built overlays; production.yaml is the whole one
"""

import os
import sys

import yaml
from cloudcoil.models.keda import v1alpha1 as keda

ROOT = os.path.join(os.path.dirname(__file__), "..")
# A consumer finishes what is in hand for 25 seconds (crates/amqp/src/consumer.rs), and says so.
GRACE_SECONDS = 35


def objects(path):
    with open(path) as file:
        return [found for found in yaml.safe_load_all(file) if found]


def is_keda(found):
    return found["apiVersion"].startswith("keda.sh/")


def unknown(given, known, path=""):
    """Members that the schema has no place for."""
    if isinstance(given, dict) and isinstance(known, dict):
        for name, value in given.items():
            if name not in known:
                yield f"{path}.{name}"
            else:
                yield from unknown(value, known[name], f"{path}.{name}")
    elif isinstance(given, list) and isinstance(known, list):
        for number, (value, other) in enumerate(zip(given, known)):
            yield from unknown(value, other, f"{path}[{number}]")


def against_schema(found):
    """KEDA's published schema, as cloudcoil has it."""
    model = getattr(keda, found["kind"]).model_validate(found)
    known = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return [f"{path} is not known to KEDA" for path in unknown(found, known)]


def pods(all_of):
    """Every pod that is made, with the name of its maker."""
    for found in all_of:
        spec = found["spec"]["jobTemplate"]["spec"] if found["kind"] == "CronJob" else found.get("spec", {})
        if found["kind"] in ("Deployment", "Job", "CronJob"):
            yield f"{found['kind']} {found['metadata']['name']}", spec["template"]["spec"]


def secrets(all_of):
    """The names of all secrets that are referred to."""
    for _, pod in pods(all_of):
        for container in pod["containers"]:
            for variable in container.get("env", []):
                if "secretKeyRef" in variable.get("valueFrom", {}):
                    yield variable["valueFrom"]["secretKeyRef"]["name"]
        for volume in pod.get("volumes", []):
            if "secret" in volume:
                yield volume["secret"]["secretName"]
    for found in all_of:
        if found["kind"] == "TriggerAuthentication":
            yield from (ref["name"] for ref in found["spec"]["secretTargetRef"])
        if found["kind"] == "Ingress":
            yield from (tls["secretName"] for tls in found["spec"]["tls"])


def problems_of_pods(all_of):
    for name, pod in pods(all_of):
        if not pod["securityContext"].get("runAsNonRoot"):
            yield f"{name} may run as root"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name} gets a token of Kubernetes"
        if name.startswith("Deployment") and pod.get("terminationGracePeriodSeconds", 30) < GRACE_SECONDS:
            yield f"{name} is killed before it has finished what is in hand"
        for container in pod["containers"]:
            security = container["securityContext"]
            if security != {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }:
                yield f"{name}: its container may do more than it needs: {security}"
            if not {"cpu", "memory"} <= container["resources"]["requests"].keys():
                yield f"{name} asks for no resources"
            if "memory" not in container["resources"]["limits"]:
                yield f"{name} has no limit of memory"
            if name.startswith("Deployment") and not {"livenessProbe", "readinessProbe"} <= container.keys():
                yield f"{name} has no probes"
            for variable in container.get("env", []):
                text = variable.get("value", "")
                if any(word in variable["name"] for word in ("SECRET", "PASSWORD", "TOKEN", "_URL")) and text:
                    yield f"{name} has {variable['name']} written down"


def problems_of_whole(all_of):
    """The whole overlay has everything for each consumer."""
    by_kind = lambda kind: {o["metadata"]["name"]: o for o in all_of if o["kind"] == kind}
    deployments, scaled, budgets = (by_kind(k) for k in ("Deployment", "ScaledObject", "PodDisruptionBudget"))
    declared = by_kind("Job")["bilag-topology"]["spec"]["template"]["spec"]["containers"][0]["args"]
    for part in ("ingress", "console"):
        name = f"bilag-{part}"
        if name not in deployments or name not in budgets or name not in by_kind("Service"):
            yield f"{part} lacks its deployment, its budget or its Service"
        elif deployments[name]["spec"]["template"]["spec"]["containers"][0]["args"] != [part]:
            yield f"{name} is not that part"
    crates = os.listdir(os.path.join(ROOT, "crates"))
    for crate in sorted(crates):
        stage = crate.removeprefix("consumer-")
        if stage == crate:
            continue
        name = f"bilag-{stage}"
        if name not in deployments or name not in scaled or name not in budgets:
            yield f"consumer {stage} lacks its deployment, its budget or its ScaledObject"
            continue
        if stage not in declared:
            yield f"{stage}: its queues are not declared by bilag-topology"
        if scaled[name]["spec"].get("minReplicaCount", 0) < 1:
            yield f"{name} may have no process, which is an alert"
        container = deployments[name]["spec"]["template"]["spec"]["containers"][0]
        refs = [v.get("valueFrom", {}).get("secretKeyRef", {}).get("name") for v in container["env"]]
        if container["args"] != ["consume", stage] or f"bilag-amqp-{stage}" not in refs:
            yield f"{name} is not that consumer, with its own user of the broker"
        if "replicas" in deployments[name]["spec"]:
            yield f"{name}: both KEDA and the deployment say how many there are"
    for name, found in scaled.items():
        if found["spec"]["scaleTargetRef"]["name"] not in deployments:
            yield f"ScaledObject {name} scales nothing"
        formula, triggers = found["spec"]["advanced"]["scalingModifiers"]["formula"], found["spec"]["triggers"]
        for trigger in triggers:
            if trigger["name"] not in formula:
                yield f"ScaledObject {name}: its formula leaves out {trigger['name']}"
            if trigger["type"] == "rabbitmq" and trigger["metadata"]["queueName"] != name.replace("-", ".", 1):
                yield f"ScaledObject {name} looks at the queue {trigger['metadata']['queueName']}"
        if "paused" not in [trigger["name"] for trigger in triggers]:
            yield f"ScaledObject {name} is not capped while its stage is paused"


def check(paths):
    with open(os.path.join(ROOT, "deploy", "kubernetes", "README.md")) as file:
        told = file.read()
    found = []
    for path in paths:
        all_of = objects(path)
        own = [f"{o['kind']} {o['metadata']['name']}: {p}" for o in all_of if is_keda(o) for p in against_schema(o)]
        own += problems_of_pods(all_of)
        own += [f"kubernetes/README.md does not tell of the secret {s}" for s in secrets(all_of) if f"`{s}`" not in told]
        own += [f"a Secret is written down: {o['metadata']['name']}" for o in all_of if o["kind"] == "Secret"]
        own += problems_of_whole(all_of) if os.path.basename(path) == "production.yaml" else []
        found += [f"{os.path.basename(path)}: {problem}" for problem in own]
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    what, *paths = sys.argv[1:]
    if what == "without-keda":
        print(yaml.safe_dump_all([o for o in objects(paths[0]) if not is_keda(o)]))
    else:
        sys.exit(check(paths))
