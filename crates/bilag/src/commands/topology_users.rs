//! `bilag topology users`: a user of the broker for each part, with the rights it needs and no more.

use amqp::{Rights, Topology};
use serde_json::{Value, json};

use crate::chain;
use crate::cli::TopologyArgs;
use crate::output::{self, Failed, say};

/// A user of the broker.
struct User {
    name: String,
    /// Lets it ask the management API about this vhost.
    is_of_management: bool,
    rights: Rights,
}

/// The user that declares.
const DECLARES: &str = "bilag-topology";

/// RabbitMQ 4.3 answers `no_such_exchange` otherwise.
const APPLY_FIRST: &str = "# Run `bilag topology apply` as bilag-topology now: routing keys can only be bounded at exchanges that exist.";

/// Prints them.
pub fn run(args: &TopologyArgs, topology: &Topology) -> Result<(), Failed> {
    let vhost = args.broker.broker("topology")?.vhost().to_owned();
    let users = users(args, topology);
    if args.json {
        let users: Vec<_> = users.iter().map(|user| as_json(user, &vhost)).collect();
        output::json(&json!({ "users": users }));
    } else {
        for user in &users {
            commands(user, &vhost).into_iter().for_each(say);
            if user.name == DECLARES {
                say(APPLY_FIRST);
            }
        }
    }
    Ok(())
}

fn users(args: &TopologyArgs, topology: &Topology) -> Vec<User> {
    let user = |name: &str, is_of_management, rights| User {
        name: format!("bilag-{name}"),
        is_of_management,
        rights,
    };
    let mut users = vec![user("topology", false, Rights::to_declare(topology))];
    let chain = args.settings.0.chain();
    let stages = chain::named(&args.stages, &chain);
    users.extend(
        stages
            .iter()
            .zip(&topology.work_queues)
            .map(|(stage, queue)| user(stage.name, false, Rights::to_consume(queue, stage.emits))),
    );
    users.extend(["ingress", "backfill"].map(|name| user(name, false, Rights::to_publish(topology))));
    users.push(user("console", true, Rights::to_operate(topology)));
    users.push(user("keda", true, Rights::to_watch()));
    users
}

/// What makes it, for a shell. It asks for the password.
fn commands(user: &User, vhost: &str) -> Vec<String> {
    let User { name, rights, .. } = user;
    let vhost = quoted(vhost);
    let Rights { configure, write, read, keys } = rights;
    let mut commands = vec![
        format!("rabbitmqctl add_user {name}"),
        format!("rabbitmqctl set_permissions -p {vhost} {name} '{configure}' '{write}' '{read}'"),
    ];
    commands.extend(keys.iter().map(|(exchange, keys)| {
        format!("rabbitmqctl set_topic_permissions -p {vhost} {name} {exchange} '{keys}' '^$'")
    }));
    if user.is_of_management {
        commands.push(format!("rabbitmqctl set_user_tags {name} management"));
    }
    commands
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// As the management API takes it: `permissions` and `topic_permissions` of a vhost and a user.
fn as_json(user: &User, vhost: &str) -> Value {
    let Rights { configure, write, read, keys } = &user.rights;
    let keys: Vec<_> = keys
        .iter()
        .map(|(exchange, keys)| json!({ "exchange": exchange, "write": keys, "read": "^$" }))
        .collect();
    json!({
        "name": user.name,
        "vhost": vhost,
        "tags": if user.is_of_management { "management" } else { "" },
        "permissions": { "configure": configure, "write": write, "read": read },
        "topic_permissions": keys,
    })
}
