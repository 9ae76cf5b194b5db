pub async fn run(_args: crate::cli::BackfillArgs) -> Result<(), crate::output::Failed> {
    Ok(())
}
