//! Writes the schemas of the events and the contracts of services to `schemas/`:
//! `cargo run -p events --example schemas`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    for (file, schema) in events::schemas() {
        std::fs::write(folder.join(file), format!("{:#}\n", schema.as_value()))?;
    }
    for (file, document) in events::openapi() {
        std::fs::write(folder.join(file), format!("{document:#}\n"))?;
    }
    Ok(())
}
