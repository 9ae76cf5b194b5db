//! `deploy/postgres/role.sql`: the consumers' role reads and writes rows, and alters no table.

use std::{env, fs};

use bilag_tests::{Store, TestEnv, Vhost};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, query_scalar};
use uuid::Uuid;

async fn run(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await.expect("the server lets the role in");
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.map(drop)
}

fn is_forbidden(ran: &Result<(), sqlx::Error>) -> bool {
    // https://www.postgresql.org/docs/current/errcodes-appendix.html: insufficient_privilege
    const FORBIDDEN: &str = "42501";
    let error = ran.as_ref().err().and_then(sqlx::Error::as_database_error);
    error.and_then(|error| error.code()).is_some_and(|code| code == FORBIDDEN)
}

/// The consumers' privileges on a table.
fn may(table: &str) -> &'static [&'static str] {
    match table {
        "_sqlx_migrations" | "bilag_schema" => &["select"],
        "audit" => &["select", "insert"],
        _ => &["select", "insert", "update", "delete"],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn application_role_uses_tables_but_cannot_alter_them() {
    let server = env::var("BILAG_TEST_POSTGRES_URL").expect("`make test` starts a server");
    let name = format!("bilag_{}", Uuid::new_v4().simple());
    run(&server, &format!("create database {name}")).await.expect("the database is created");
    let (base, _) = server.rsplit_once('/').expect("the URL ends in a database");
    let url = |role: &str| format!("{}/{name}", base.replacen("postgres@", &format!("{role}@"), 1));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/postgres/role.sql");
    let script = fs::read_to_string(script).expect("the script is there");
    for _ in ["at first", "again"] {
        run(&url("postgres"), &script).await.expect("the script runs");
    }

    // The owner creates the tables.
    TestEnv::on(Vhost::new().await, Store::Postgres(url("bilag_owner"))).await.ok(&["sync", "migrate"]);
    run(&url("postgres"), &script).await.expect("the script runs once more");
    let mut connection = PgConnection::connect(&url("bilag_app")).await.expect("the role may log in");
    let tables: Vec<String> =
        query_scalar("select tablename::text from pg_tables where schemaname = 'public'")
            .fetch_all(&mut connection)
            .await
            .expect("the tables are listed");
    assert!(tables.len() > 5, "{tables:?}");
    for narrowed in ["_sqlx_migrations", "bilag_schema", "audit"] {
        assert!(tables.iter().any(|table| table == narrowed), "{narrowed} is none of {tables:?}");
    }
    // The consumers' role opens the store and writes to it.
    let env = TestEnv::on(Vhost::new().await, Store::Postgres(url("bilag_app"))).await;
    env.ok(&["pause", "upload", "--why", "the role may write"]);
    env.ok(&["sync", "list"]);
    env.ok(&["sync", "prune", "--older-than", "400d"]);
    for table in &tables {
        for right in ["select", "insert", "update", "delete"] {
            let has: bool = query_scalar("select has_table_privilege($1, $2)")
                .bind(table)
                .bind(right)
                .fetch_one(&mut connection)
                .await
                .expect("the privileges are listed");
            assert_eq!(has, may(table).contains(&right), "{right} on {table}");
        }
        for may_not in [format!("drop table {table}"), format!("truncate {table}")] {
            assert!(is_forbidden(&run(&url("bilag_app"), &may_not).await), "{may_not}");
        }
    }
    assert!(is_forbidden(&run(&url("bilag_app"), "create table mine ()").await));
    run(&server, &format!("drop database {name} with (force)")).await.expect("it is dropped");
}
