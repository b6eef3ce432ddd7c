//! gRPC through the gateway, with Google's own client and server (grpcio from PyPI).

use crate::support::gateway::{eventually, repository};
use crate::support::http2::started_with_tls;
use crate::support::outside::{Program, command, free_address};
use crate::support::places::{CHINA, DENMARK};

#[test]
fn calls_streams_and_refusals_come_through() {
    let directory = repository().join("tests/grpc");
    let python = directory.join(".venv/bin/python");
    assert!(python.exists(), "tests/run installs grpcio into {}", python.display());
    let python = python.to_str().unwrap();
    let address = free_address();
    let output = tempfile::tempdir().unwrap();
    let mut serve = command(python);
    serve.arg(directory.join("server.py")).arg(address.to_string());
    let server = Program::start(serve, &output.path().join("server"), address);
    let block = format!("servers: [\"http://{address}\"], protocol: http2");
    let (gateway, authority, _files) = started_with_tls(&block);
    let call = |client: &str, more: &[&str]| {
        let mut call = command(python);
        call.arg(directory.join("client.py"))
            .args([&gateway.address("secure").to_string(), "kilden.example.dk"])
            .arg(&authority.file)
            .arg(client)
            .args(more);
        let output = call.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (said, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (said, errors) = call(DENMARK, &[]);
    let expected = format!(
        "Say hello {DENMARK}\nSay xxxxxxxxxx {DENMARK}\nRefuse FAILED_PRECONDITION not today\n\
         Converse one! two! three!\nGather a+b+c b'\\x00\\xff'\nLarge True\n\
         Count 0 1 2 3 4 RESOURCE_EXHAUSTED æ 100 %\nWait begun\nNothing UNIMPLEMENTED\n\
         Hurried DEADLINE_EXCEEDED\n"
    );
    assert_eq!(said, expected, "{errors}\n{}", server.printed());
    eventually("the server is told that both have given up", || {
        server.printed().matches("given up").count() == 2
    });
    let (said, _) = call(CHINA, &["once"]);
    assert!(said.starts_with("Say PERMISSION_DENIED"), "{said}");
}
