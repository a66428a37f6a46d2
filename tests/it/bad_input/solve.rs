//! Packages that can't be had, and channels that don't answer.

use super::pack_fails;
use crate::environments::{channel_url, environment_yml};
use crate::util::Sandbox;

#[test]
fn an_unknown_package_comes_with_the_nearest_names() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", environment_yml(&["python=3.11", "nunpy"], &[]));
    pack_fails(&sandbox, "environment.yml", 1).says(&["nunpy", "numpy", "hint: "]);
}

#[test]
fn unsatisfiable_versions_are_explained() {
    let sandbox = Sandbox::new();
    sandbox.write("environment.yml", environment_yml(&["python=3.11", "envship-unsat"], &[]));
    pack_fails(&sandbox, "environment.yml", 1).says(&["envship-unsat", "numpy >=99"]);
}

#[test]
fn a_channel_that_does_not_exist_is_named() {
    let sandbox = Sandbox::new();
    let missing = channel_url().replace("/channel", "/no-such-channel");
    let spec = format!("channels:\n  - {missing}\ndependencies:\n  - python\n");
    sandbox.write("environment.yml", spec);
    pack_fails(&sandbox, "environment.yml", 1).says(&["no-such-channel", "hint: "]);
    sandbox.write("environment.yml", "channels:\n  - file:///no/such/channel\ndependencies:\n  - python\n");
    pack_fails(&sandbox, "environment.yml", 1).says(&["/no/such/channel", "hint: "]);
}

#[test]
fn an_unreachable_channel_is_worth_another_try() {
    let sandbox = Sandbox::new();
    sandbox
        .write("environment.yml", "channels:\n  - http://127.0.0.1:9/channel\ndependencies:\n  - python\n");
    pack_fails(&sandbox, "environment.yml", 3).says(&["127.0.0.1:9"]);
}

#[test]
fn a_channel_that_never_answers_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let sandbox = Sandbox::new().with("ENVSHIP_HTTP_TIMEOUT", "1");
    sandbox.write(
        "environment.yml",
        format!("channels: [\"http://{address}/channel\"]\ndependencies: [python]\n"),
    );
    pack_fails(&sandbox, "environment.yml", 3).says(&[&address.to_string(), "hint: "]);
    let sandbox = sandbox.with("ENVSHIP_HTTP_TIMEOUT", "soon");
    pack_fails(&sandbox, "environment.yml", 1).says(&["ENVSHIP_HTTP_TIMEOUT", "`soon`"]);
}

#[test]
fn a_dropped_connection_is_tried_again() {
    let sandbox = Sandbox::new();
    let (address, dropped) = dropping_proxy(3);
    let channel = channel_url();
    let (_, path) = channel.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let spec = format!("channels: [\"http://{address}/{path}\"]\ndependencies: [envship-broken-hash]\n");
    sandbox.write("environment.yml", spec);
    let mut command = sandbox.envship();
    command.env("RATTLER_CACHE_DIR", sandbox.path("cache")).args([
        "pack",
        "environment.yml",
        "-o",
        "out.tar.gz",
    ]);
    sandbox.finish(command).success();
    assert_eq!(dropped.load(std::sync::atomic::Ordering::SeqCst), 3);
}

/// A proxy before the channel's server that drops the first connections in the
/// middle of a request.
fn dropping_proxy(drops: usize) -> (std::net::SocketAddr, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use std::io::{Read, copy};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::sync::atomic::{AtomicUsize, Ordering};

    let server = channel_url().strip_prefix("http://").unwrap().split_once('/').unwrap().0.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let dropped = std::sync::Arc::new(AtomicUsize::new(0));
    let counter = dropped.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if counter.load(Ordering::SeqCst) < drops {
                counter.fetch_add(1, Ordering::SeqCst);
                let _ = (&client).read(&mut [0; 16]);
                let _ = client.shutdown(Shutdown::Both);
                continue;
            }
            let upstream = TcpStream::connect(&server).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            std::thread::spawn(move || copy(&mut from, &mut to));
            let (mut from, mut to) = (upstream, client);
            std::thread::spawn(move || copy(&mut from, &mut to).map(|_| to.shutdown(Shutdown::Both)));
        }
    });
    (address, dropped)
}
