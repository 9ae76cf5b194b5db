//! `cargo xtask manifests`: each overlay of deploy/kubernetes is built and checked against the published schemas of
//! Kubernetes and KEDA, and against the rules below; the compose file against its own. Needs no cluster.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::{Outcome, cache, install, is_installed, output, root, run, target};

/// The oldest and the newest supported Kubernetes.
const KUBERNETES: [&str; 2] = ["1.29", "1.37"];

/// Packages of Python that hold the schemas.
const REQUIREMENTS: [&str; 3] =
    ["kubernetes-validate==1.37.0", "cloudcoil-models-keda==2.16.1.0", "cloudcoil==0.6.0"];

/// Consumers end within 25 seconds of SIGTERM (docs/operations.md).
const GRACE_SECONDS: u64 = 35;

pub(crate) fn run_checks() -> Outcome {
    let python = validators()?;
    if !is_installed("kubectl") {
        install(&["kubernetes-client"])?;
    }
    let readme = fs::read_to_string(root().join("deploy/kubernetes/README.md"))?;
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("deploy/kubernetes/overlays"))? {
        let overlay = entry?;
        let name = overlay.file_name().to_string_lossy().into_owned();
        let built = output(Command::new("kubectl").arg("kustomize").arg(overlay.path()))?;
        let objects = parse(&built)?;
        let mut problems = check_schemas(&python, &objects)?;
        problems.extend(pods(&objects).flat_map(|(name, pod)| pod_problems(&name, pod)));
        problems.extend(secret_problems(&objects, &readme));
        if name == "production" {
            problems.extend(chain_problems(&objects, &stages()?));
        }
        found.extend(problems.into_iter().map(|problem| format!("{name}: {problem}")));
    }
    check_compose()?;
    if found.is_empty() { Ok(()) } else { Err(found.join("\n").into()) }
}

/// The Python of a virtual environment with the schemas, made on first use.
fn validators() -> Outcome<PathBuf> {
    let venv = cache("manifests");
    let (python, list) = (venv.join("bin/python"), venv.join("requirements"));
    let requirements = REQUIREMENTS.join(" ");
    if fs::read_to_string(&list).is_ok_and(|present| present.trim() == requirements) {
        return Ok(python);
    }
    let create =
        || run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv).stderr(Stdio::null()));
    // Debian's Python comes without venv.
    create().or_else(|_| install(&["python3-venv"]).and_then(|()| create()))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(&python).args(pip).args(REQUIREMENTS))?;
    Ok(fs::write(list, requirements).map(|()| python)?)
}

fn parse(text: &str) -> Outcome<Vec<Value>> {
    let documents = serde_yaml_ng::Deserializer::from_str(text).map(Value::deserialize);
    Ok(documents.collect::<Result<Vec<_>, _>>()?.into_iter().filter(|object| !object.is_null()).collect())
}

/// Kubernetes' own objects by its schemas, KEDA's by KEDA's.
fn check_schemas(python: &Path, objects: &[Value]) -> Outcome<Vec<String>> {
    let is_keda = |object: &&Value| text(object, "/apiVersion").starts_with("keda.sh/");
    let (keda, own): (Vec<_>, Vec<_>) = objects.iter().partition(is_keda);
    let file = target().join("manifests.yaml");
    let documents: Vec<_> = own.iter().map(ToString::to_string).collect();
    fs::create_dir_all(target())?;
    fs::write(&file, documents.join("\n---\n"))?;
    for version in KUBERNETES {
        let validate = python.with_file_name("kubernetes-validate");
        run(Command::new(validate)
            .args(["--strict", "--quiet", "--kubernetes-version", version])
            .arg(&file))?;
    }
    let mut check = Command::new(python)
        .args(["-c", include_str!("keda.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    check.stdin.take().ok_or("no pipe")?.write_all(serde_json::to_string(&keda)?.as_bytes())?;
    let checked = check.wait_with_output()?;
    if !checked.status.success() {
        return Err("KEDA's objects do not match KEDA's schema; the reason is above".into());
    }
    Ok(String::from_utf8(checked.stdout)?.lines().map(str::to_owned).collect())
}

fn check_compose() -> Outcome {
    let arguments = ["--file", "deploy/compose.yaml", "config", "--quiet"];
    let is_plugin =
        Command::new("docker").args(["compose", "version"]).output().is_ok_and(|ran| ran.status.success());
    if is_plugin {
        return run(Command::new("docker").arg("compose").args(arguments).current_dir(root()));
    }
    if !is_installed("docker-compose") {
        install(&["docker-compose"])?;
    }
    run(Command::new("docker-compose").args(arguments).current_dir(root()))
}

/// Names of the consumer crates' stages.
fn stages() -> Outcome<Vec<String>> {
    let crates = fs::read_dir(root().join("crates"))?.collect::<Result<Vec<_>, _>>()?;
    let names = crates.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.filter_map(|name| name.strip_prefix("consumer-").map(str::to_owned)).collect())
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Pod specifications, each with the name of the object that creates it.
fn pods(objects: &[Value]) -> impl Iterator<Item = (String, &Value)> {
    objects.iter().filter_map(|object| {
        let path = match text(object, "/kind") {
            "Deployment" | "Job" => "/spec/template/spec",
            "CronJob" => "/spec/jobTemplate/spec/template/spec",
            _ => return None,
        };
        Some((name_of(object), object.pointer(path)?))
    })
}

fn name_of(object: &Value) -> String {
    format!("{} {}", text(object, "/kind"), text(object, "/metadata/name"))
}

fn pod_problems(name: &str, pod: &Value) -> Vec<String> {
    let is_deployment = name.starts_with("Deployment");
    let mut found = Vec::new();
    let mut rule = |holds: bool, problem: String| found.extend((!holds).then(|| format!("{name} {problem}")));
    rule(pod.pointer("/securityContext/runAsNonRoot") == Some(&true.into()), "may run as root".into());
    rule(pod.get("automountServiceAccountToken") == Some(&false.into()), "gets a token of Kubernetes".into());
    let grace = pod.get("terminationGracePeriodSeconds").and_then(Value::as_u64).unwrap_or(30);
    rule(
        !is_deployment || grace >= GRACE_SECONDS,
        "is killed before it has finished messages in flight".into(),
    );
    for container in list(pod, "/containers") {
        let least = serde_json::json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        });
        rule(
            container.get("securityContext") == Some(&least),
            "has a container with more than least privileges".into(),
        );
        let has = |path| container.pointer(path).is_some();
        rule(
            has("/resources/requests/cpu") && has("/resources/requests/memory"),
            "requests no resources".into(),
        );
        rule(has("/resources/limits/memory"), "has no memory limit".into());
        rule(!is_deployment || (has("/livenessProbe") && has("/readinessProbe")), "has no probes".into());
        for variable in list(container, "/env") {
            let (variable, value) = (text(variable, "/name"), text(variable, "/value"));
            let has_secret =
                ["SECRET", "PASSWORD", "TOKEN", "_URL"].iter().any(|word| variable.contains(word));
            // Where a secret's file is, is none.
            let is_secret = has_secret && !variable.ends_with("_FILE");
            rule(!is_secret || value.is_empty(), format!("contains the value of {variable}"));
        }
    }
    found
}

/// Secrets are referred to, described in the README, and never part of the manifests.
fn secret_problems(objects: &[Value], readme: &str) -> Vec<String> {
    let mut secrets = Vec::new();
    for (_, pod) in pods(objects) {
        let variables = list(pod, "/containers").iter().flat_map(|container| list(container, "/env"));
        secrets.extend(variables.map(|variable| text(variable, "/valueFrom/secretKeyRef/name")));
        secrets.extend(list(pod, "/volumes").iter().map(|volume| text(volume, "/secret/secretName")));
    }
    for object in objects {
        match text(object, "/kind") {
            "TriggerAuthentication" => {
                secrets
                    .extend(list(object, "/spec/secretTargetRef").iter().map(|secret| text(secret, "/name")));
            }
            "Ingress" => secrets.extend(list(object, "/spec/tls").iter().map(|tls| text(tls, "/secretName"))),
            _ => {}
        }
    }
    let undocumented =
        secrets.into_iter().filter(|name| !name.is_empty() && !readme.contains(&format!("`{name}`")));
    let written = objects.iter().filter(|object| text(object, "/kind") == "Secret").map(name_of);
    undocumented
        .map(|name| format!("deploy/kubernetes/README.md does not describe the secret {name}"))
        .chain(written.map(|secret| format!("{secret} is part of the manifests")))
        .collect()
}

/// The production overlay has all objects of each stage.
fn chain_problems(objects: &[Value], stages: &[String]) -> Vec<String> {
    let by_kind = |kind: &str| -> BTreeMap<&str, &Value> {
        let of_kind = objects.iter().filter(|object| text(object, "/kind") == kind);
        of_kind.map(|object| (text(object, "/metadata/name"), object)).collect()
    };
    let (deployments, budgets) = (by_kind("Deployment"), by_kind("PodDisruptionBudget"));
    let (services, scaled, jobs) = (by_kind("Service"), by_kind("ScaledObject"), by_kind("Job"));
    let container =
        |object: &'_ Value| object.pointer("/spec/template/spec/containers/0").cloned().unwrap_or_default();
    let arguments = |object: &Value| -> Vec<String> {
        list(&container(object), "/args")
            .iter()
            .map(|argument| argument.as_str().unwrap_or_default().into())
            .collect()
    };
    let mut found = Vec::new();
    let mut rule = |holds: bool, problem: String| found.extend((!holds).then_some(problem));
    for part in ["ingress", "console"] {
        let name = &*format!("bilag-{part}");
        let is_whole = budgets.contains_key(name) && services.contains_key(name);
        match deployments.get(name).filter(|_| is_whole) {
            None => rule(false, format!("{part} lacks its Deployment, PodDisruptionBudget or Service")),
            Some(deployment) => rule(arguments(deployment) == [part], format!("{name} does not run {part}")),
        }
    }
    let declared = jobs.get("bilag-topology").map(|job| arguments(job)).unwrap_or_default();
    for stage in stages {
        let name = &*format!("bilag-{stage}");
        let (Some(deployment), Some(scaled), true) =
            (deployments.get(name), scaled.get(name), budgets.contains_key(name))
        else {
            rule(false, format!("{stage} lacks its Deployment, PodDisruptionBudget or ScaledObject"));
            continue;
        };
        rule(declared.contains(stage), format!("bilag-topology does not declare the queues of {stage}"));
        let replicas = scaled.pointer("/spec/minReplicaCount").and_then(Value::as_u64).unwrap_or(0);
        rule(replicas >= 1, format!("{name} may have no process, which raises an alert"));
        let container = container(deployment);
        let secrets =
            list(&container, "/env").iter().map(|variable| text(variable, "/valueFrom/secretKeyRef/name"));
        let has_user = secrets.into_iter().any(|secret| secret == format!("bilag-amqp-{stage}"));
        let is_stage = arguments(deployment) == ["consume", stage];
        rule(is_stage && has_user, format!("{name} does not consume {stage} as its own user of the broker"));
        let is_fixed = deployment.pointer("/spec/replicas").is_some();
        rule(!is_fixed, format!("{name}: both KEDA and the Deployment set the number of replicas"));
    }
    for (name, object) in &scaled {
        let scales = text(object, "/spec/scaleTargetRef/name");
        rule(deployments.contains_key(scales), format!("ScaledObject {name} scales no Deployment"));
        let (formula, queue) =
            (text(object, "/spec/advanced/scalingModifiers/formula"), name.replacen('-', ".", 1));
        let triggers = list(object, "/spec/triggers");
        for trigger in triggers {
            let named = text(trigger, "/name");
            rule(formula.contains(named), format!("ScaledObject {name}: its formula omits {named}"));
            let watched = text(trigger, "/metadata/queueName");
            let is_own = text(trigger, "/type") != "rabbitmq" || watched == queue;
            rule(is_own, format!("ScaledObject {name} watches the queue {watched}"));
        }
        let is_capped = triggers.iter().any(|trigger| text(trigger, "/name") == "paused");
        rule(is_capped, format!("ScaledObject {name} is not capped while its stage is paused"));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment() -> Value {
        json!({
            "kind": "Deployment",
            "metadata": { "name": "bilag-render" },
            "spec": { "template": { "spec": {
                "securityContext": { "runAsNonRoot": true },
                "automountServiceAccountToken": false,
                "terminationGracePeriodSeconds": 40,
                "containers": [{
                    "args": ["consume", "render"],
                    "env": [{ "name": "BILAG_AMQP_URL", "valueFrom": { "secretKeyRef": { "name": "bilag-amqp-render" } } }],
                    "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "readOnlyRootFilesystem": true,
                        "capabilities": { "drop": ["ALL"] },
                    },
                    "resources": { "requests": { "cpu": "100m", "memory": "64Mi" }, "limits": { "memory": "128Mi" } },
                    "livenessProbe": {},
                    "readinessProbe": {},
                }],
            } } },
        })
    }

    fn scaled_object() -> Value {
        json!({
            "kind": "ScaledObject",
            "metadata": { "name": "bilag-render" },
            "spec": {
                "minReplicaCount": 1,
                "scaleTargetRef": { "name": "bilag-render" },
                "advanced": { "scalingModifiers": { "formula": "paused + depth" } },
                "triggers": [
                    { "name": "paused", "type": "prometheus" },
                    { "name": "depth", "type": "rabbitmq", "metadata": { "queueName": "bilag.render" } },
                ],
            },
        })
    }

    /// A copy with the member at this pointer set, or removed for null.
    fn with(object: &Value, pointer: &str, value: Value) -> Value {
        let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
        let mut object = object.clone();
        let parent = object.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
        match value {
            Value::Null => parent.remove(member),
            value => parent.insert(member.to_owned(), value),
        };
        object
    }

    #[test]
    fn each_rule_for_pods_finds_its_violation() {
        let whole = deployment();
        let problems = |object: &Value| -> Vec<_> {
            pods(std::slice::from_ref(object)).flat_map(|(name, pod)| pod_problems(&name, pod)).collect()
        };
        assert_eq!(problems(&whole), [""; 0]);
        let (pod, container) = ("/spec/template/spec", "/spec/template/spec/containers/0");
        for (pointer, value, expected) in [
            (format!("{pod}/securityContext"), Value::Null, "may run as root"),
            (format!("{pod}/automountServiceAccountToken"), Value::Null, "gets a token"),
            (format!("{pod}/terminationGracePeriodSeconds"), json!(30), "is killed before"),
            (format!("{container}/securityContext/readOnlyRootFilesystem"), json!(false), "least privileges"),
            (format!("{container}/resources/requests/cpu"), Value::Null, "requests no resources"),
            (format!("{container}/resources/limits"), Value::Null, "has no memory limit"),
            (format!("{container}/readinessProbe"), Value::Null, "has no probes"),
            (format!("{container}/env/0/value"), json!("amqp://x"), "contains the value of BILAG_AMQP_URL"),
        ] {
            let changed = match pointer.strip_suffix("/env/0/value") {
                Some(container) => with(
                    &whole,
                    &format!("{container}/env"),
                    json!([{ "name": "BILAG_AMQP_URL", "value": value }]),
                ),
                None => with(&whole, &pointer, value),
            };
            let found = problems(&changed);
            assert!(found.len() == 1 && found[0].contains(expected), "{pointer}: {found:?}");
        }
    }

    #[test]
    fn secrets_are_described_and_never_included() {
        let objects = [deployment(), json!({ "kind": "Secret", "metadata": { "name": "keys" } })];
        let found = secret_problems(&objects, "the secrets `other`");
        assert!(found[0].contains("does not describe the secret bilag-amqp-render"), "{found:?}");
        assert_eq!(found[1], "Secret keys is part of the manifests");
        assert_eq!(secret_problems(&objects[..1], "`bilag-amqp-render`"), [""; 0]);
    }

    #[test]
    fn each_rule_for_the_chain_finds_its_violation() {
        let named = |kind: &str, name: &str| json!({ "kind": kind, "metadata": { "name": name } });
        let runs = |kind: &str, name: &str, arguments: &[&str]| {
            let containers = json!([{ "args": arguments }]);
            let spec = json!({ "template": { "spec": { "containers": containers } } });
            with(&named(kind, name), "/spec", spec)
        };
        let mut whole = vec![deployment(), scaled_object(), named("PodDisruptionBudget", "bilag-render")];
        whole.push(runs("Job", "bilag-topology", &["topology", "apply", "render"]));
        for part in ["ingress", "console"] {
            let name = &*format!("bilag-{part}");
            whole.extend([
                runs("Deployment", name, &[part]),
                named("PodDisruptionBudget", name),
                named("Service", name),
            ]);
        }
        let stages = ["render".to_owned()];
        assert_eq!(chain_problems(&whole, &stages), [""; 0]);

        let container = "/spec/template/spec/containers/0";
        for (object, pointer, value, expected) in [
            (0, format!("{container}/args"), json!(["consume", "upload"]), "does not consume render"),
            (0, format!("{container}/env"), json!([]), "as its own user"),
            (0, "/spec/replicas".into(), json!(2), "both KEDA and the Deployment"),
            (1, "/spec/minReplicaCount".into(), json!(0), "may have no process"),
            (1, "/spec/scaleTargetRef/name".into(), json!("bilag-x"), "scales no Deployment"),
            (1, "/spec/advanced/scalingModifiers/formula".into(), json!("paused"), "omits depth"),
            (
                1,
                "/spec/triggers/1/metadata/queueName".into(),
                json!("bilag.upload"),
                "watches the queue bilag.upload",
            ),
            (1, "/spec/triggers/0/name".into(), json!("depth"), "is not capped"),
            (2, "/metadata/name".into(), json!("x"), "render lacks its"),
            (
                3,
                format!("{container}/args"),
                json!(["topology", "apply"]),
                "does not declare the queues of render",
            ),
            (4, format!("{container}/args"), json!(["console"]), "does not run ingress"),
            (6, "/metadata/name".into(), json!("x"), "ingress lacks its"),
        ] {
            let mut objects = whole.clone();
            let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
            objects[object].pointer_mut(parent).expect("there")[member] = value;
            let found = chain_problems(&objects, &stages);
            assert!(found.iter().any(|problem| problem.contains(expected)), "{pointer}: {found:?}");
        }
    }
}
