//! The one writer of this process: all operations that wait go into one transaction.
//!
//! A commit waits for the disk, which takes as long for a hundred operations as for one. So the
//! writer takes what is there, never waits for more, and answers each only after the commit. What
//! arrives in the meantime makes the next group.

use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::error::{Fault, is_busy, is_unavailable};
use crate::sql::{Row, Statement};
use crate::sqlite::execute;

/// The most operations in one transaction, so that other processes get their turn.
const GROUP: usize = 128;

/// How long another process may keep the file before the store counts as unavailable.
const TIMEOUT: Duration = Duration::from_secs(4);

/// How long to leave the file to another process before asking again. SQLite's own waiting grows
/// to a tenth of a second, far longer than a commit takes.
const ASK_AGAIN: Duration = Duration::from_millis(1);

/// Where operations wait for the writer.
pub(super) struct Writer {
    requests: mpsc::Sender<Request>,
}

struct Request {
    statement: Statement,
    answer: oneshot::Sender<Result<Vec<Row>, Fault>>,
}

impl Writer {
    /// Starts the writer. It ends when this is dropped and all that waited is written.
    pub(super) fn start(options: SqliteConnectOptions) -> Self {
        // The writer waits for its turn itself.
        let file = File { options: options.busy_timeout(Duration::ZERO), connection: None };
        let (requests, waiting) = mpsc::channel(GROUP);
        tokio::spawn(run(file, waiting));
        Self { requests }
    }

    pub(super) async fn write(&self, statement: Statement) -> Result<Vec<Row>, Fault> {
        let (answer, answered) = oneshot::channel();
        let request = Request { statement, answer };
        self.requests.send(request).await.map_err(|_| sqlx::Error::WorkerCrashed)?;
        answered.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }
}

async fn run(mut file: File, mut waiting: mpsc::Receiver<Request>) {
    while let Some(first) = waiting.recv().await {
        let mut group = vec![first];
        let results = match file.write(&mut group, &mut waiting).await {
            Ok(results) => results,
            Err(error) => {
                // Whatever state the connection is in, a new one is in none.
                file.connection = None;
                // What waited has waited long enough.
                group.extend(std::iter::from_fn(|| waiting.try_recv().ok()));
                let fault = Fault::from(error);
                group.iter().map(|_| Err(fault.clone())).collect()
            }
        };
        for (request, result) in group.into_iter().zip(results) {
            // A caller that has left needs no answer.
            let _ = request.answer.send(result);
        }
    }
}

/// The file, and the connection that writes it while all is well.
struct File {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
}

impl File {
    /// Writes what is in the group, and what joins it meanwhile, in one transaction.
    async fn write(
        &mut self,
        group: &mut Vec<Request>,
        waiting: &mut mpsc::Receiver<Request>,
    ) -> Result<Vec<Result<Vec<Row>, Fault>>, sqlx::Error> {
        let connection = self.begin().await?;
        let mut results = Vec::new();
        while let Some(request) = group.get(results.len()) {
            results.push(write_one(connection, &request.statement).await?);
            if results.len() == group.len() && group.len() < GROUP {
                group.extend(waiting.try_recv());
            }
        }
        execute(connection, "commit".to_owned(), &[]).await?;
        Ok(results)
    }

    /// Takes the file for writing, once it is this process's turn.
    async fn begin(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match self.try_begin().await {
                Err(error) if is_busy(&error) && Instant::now() < deadline => sleep(ASK_AGAIN).await,
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        self.connection.as_mut().ok_or(sqlx::Error::WorkerCrashed)
    }

    async fn try_begin(&mut self) -> Result<(), sqlx::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.options.connect().await?),
        };
        execute(connection, "begin immediate".to_owned(), &[]).await.map(drop)
    }
}

/// Writes one operation inside the transaction. Its own fault undoes nothing but itself; a fault of
/// the file is one of the whole group.
async fn write_one(
    connection: &mut SqliteConnection,
    statement: &Statement,
) -> Result<Result<Vec<Row>, Fault>, sqlx::Error> {
    let sql = format!("savepoint operation; {}; release operation", statement.sql);
    match execute(connection, sql, &statement.args).await {
        Ok(rows) => Ok(Ok(rows)),
        Err(error) if is_unavailable(&error) => Err(error),
        Err(error) => {
            let undo = "rollback to operation; release operation";
            execute(connection, undo.to_owned(), &[]).await?;
            Ok(Err(Fault::from(error)))
        }
    }
}
