//! `just bench`: the figures of a platform of its own on an idle machine, each
//! beside its target. Nothing here is a test: a figure is read, not asserted.

mod figure;
mod fsync;
mod idle;
mod lines;
mod ready;
mod run;

use std::process::ExitCode;

use anyhow::Result;
use figure::Figure;
use katonic_integration_tests::Platform;

fn main() -> ExitCode {
    match tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(measure())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> Result<()> {
    let platform = Platform::start()?;
    let measured = all(&platform).await;
    platform.end(true)?;
    println!("{}", Figure::HEADER);
    for figure in measured? {
        println!("{figure}");
    }
    Ok(())
}

async fn all(platform: &Platform) -> Result<Vec<Figure>> {
    let mut figures = vec![fsync::of_4_kib(&platform.home())?];
    figures.push(idle::resident_memory(platform).await?);
    figures.push(run::run_true(platform).await?);
    figures.push(lines::line_to_follower(platform).await?);
    figures.extend(ready::of_each_service(platform).await?);
    Ok(figures)
}
