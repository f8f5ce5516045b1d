//! Property tests from the service's own OpenAPI document, by schemathesis: what it promises, it keeps.

use std::process::Stdio;

use harness::Database;
use harness::service::Service;

/// Runs schemathesis against the reference service; what it said, where it found something.
async fn found(seed: u64, examples: u32) -> Option<String> {
    let folder = harness::fixtures_folder().canonicalize().unwrap();
    let program = folder.parent().unwrap().join(".venv/bin/python");
    let config = folder.parent().unwrap().join("scripts/schemathesis.toml");
    assert!(program.exists(), "{} is not there: run `scripts/setup schemathesis`", program.display());
    let db = Database::seeded().await.unwrap();
    let service = Service::start(&harness::settings().api.start, db.url()).await.unwrap();
    let output = tokio::process::Command::new(program)
        .args([
            "-m",
            "schemathesis.cli",
            "--config-file",
            config.to_str().unwrap(),
            "run",
            "--checks",
            "all",
            "--mode",
            "all",
            "--no-color",
        ])
        .args(["--phases", "examples,coverage,fuzzing,stateful", "--request-timeout", "10"])
        .args(["--seed", &seed.to_string(), "--max-examples", &examples.to_string(), "--workers", "1"])
        .arg(format!("{}/openapi.json", service.base_url()))
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (!output.status.success()).then(|| format!("seed {seed}:\n{said}\n{}", service.output()))
}

/// Left out unless asked for: `make soak`.
mod soak {
    #[tokio::test]
    #[ignore = "takes minutes: `make soak`"]
    async fn a_few_examples_find_nothing() {
        assert_eq!(super::found(1, 5).await, None);
    }

    #[tokio::test]
    #[ignore = "takes minutes: `make soak`"]
    async fn many_examples_find_nothing() {
        let seed = std::env::var("RUNBOOK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
        assert_eq!(super::found(seed, 100).await, None);
    }
}
