//! `just bench`: the figures of a platform of its own: beside their targets
//! (`targets`), beside the smallest programs that do the same (`floors`), and
//! with many executions beside few (`scale`). A table goes to standard error, JSON to standard output. Nothing here is a
//! test: a figure is read, not asserted. `docs/PERFORMANCE.md` says how.

mod comparison;
mod figure;
mod floor;
mod fsync;
mod machine;
mod scale;
mod side;
mod targets;
mod turns;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use floor::Floor;
use katonic_integration_tests::Platform;
use machine::Machine;
use serde_json::{Map, Value, json};
use side::Side;

/// Measures a platform of its own.
#[derive(Parser)]
struct Arguments {
    /// What is measured; everything unless some of it is named.
    what: Vec<What>,
    /// How many executions `scale` makes.
    #[arg(long, default_value_t = 50_000)]
    executions: usize,
    /// Be a process of the floor.
    #[arg(long, hide = true)]
    serve_floor: Option<floor::Role>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Figures beside their targets.
    Targets,
    /// Figures beside the smallest programs with the same hops and durable writes.
    Floors,
    /// What questions cost with many executions and with few.
    Scale,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let run = || -> Result<()> {
        let runtime = tokio::runtime::Runtime::new()?;
        let done = match arguments.serve_floor {
            Some(role) => runtime.block_on(floor::serve(role)),
            None => runtime.block_on(measure(&arguments)),
        };
        // A thread of the floor may wait for files that nobody will write.
        runtime.shutdown_background();
        done
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<()> {
    let platform = Platform::start()?;
    let measured = report(&platform, arguments).await;
    platform.end(true)?;
    println!("{}", serde_json::to_string_pretty(&measured?)?);
    Ok(())
}

async fn report(platform: &Platform, arguments: &Arguments) -> Result<Value> {
    let Arguments { what, executions, serve_floor: _ } = arguments;
    let wanted = |one| what.is_empty() || what.contains(&one);
    let machine = Machine::here(&platform.home())?;
    eprintln!("{machine:#?}");
    let mut report = Map::from_iter([("machine".to_owned(), json!(machine))]);
    let mut product = Side::of_product(platform).await?;
    if wanted(What::Targets) {
        let figures = targets::all(platform, &product).await?;
        eprintln!("{}", figure::table(&figures));
        report.insert("targets".to_owned(), json!(figures));
    }
    let mut floor = Floor::start(platform).await?;
    if wanted(What::Floors) {
        let rows: Vec<_> = turns::all(&mut product, floor.side()).await?.iter().map(|path| path.row()).collect();
        eprintln!("{}", comparison::table(&rows));
        report.insert("floors".to_owned(), json!(rows));
    }
    if wanted(What::Scale) {
        let growths = scale::all(platform, &product, floor.side(), *executions).await?;
        eprintln!("{}", scale::table(&growths, *executions));
        report.insert("scale".to_owned(), json!(growths));
    }
    floor.end()?;
    Ok(Value::Object(report))
}
