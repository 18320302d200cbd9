//! A program in C, compiled here against header and libraries, takes part in a cluster of this process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};

use tsdsm_core::cluster::Member;
use tsdsm_core::control::{Control, Limits, OwnerToken};
use tsdsm_core::objects::Spec;
use tsdsm_core::recover;
use tsdsm_core::slots::{Kind, Participant};

/// Main of a cluster with an array, a lock and a barrier.
struct Main {
    member: Member,
    _participant: Participant,
    _token: OwnerToken,
}

impl Main {
    fn start(name: &str) -> Main {
        let name = format!("c-{name}-{}", std::process::id());
        let (control, token) = Control::create(&name, &Limits::for_workers(1), 0, 0o600).unwrap();
        let participant = Participant::claim(&control, Kind::Main, None).unwrap();
        let member = Member::new(Arc::clone(&control), participant.owner(), None, 0);
        member.zeros::<f64>("A", &[4]).unwrap();
        member.create("L", &Spec::Lock).unwrap();
        member.create("B", &Spec::Barrier { parties: 2 }).unwrap();
        Main { member, _participant: participant, _token: token }
    }

    fn run(&self, program: &Path, what: &str) -> Child {
        let mut command = Command::new(program);
        command.args([self.member.cluster(), what]).stdout(Stdio::piped());
        command.env("LD_LIBRARY_PATH", libraries()).spawn().unwrap()
    }

    /// Lets a program that has come to the barrier go on to its end.
    fn see_off(&self, mut child: Child) {
        self.member.barrier("B").unwrap().wait(None).unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let last = out.lines().last().unwrap().unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(last, format!("tsdsm {}, abi {}", env!("CARGO_PKG_VERSION"), tsdsm_core::layout::ABI));
    }
}

/// The folder of the shared and the static library, which cargo does not build for tests by itself.
fn libraries() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // target/debug/deps/program-…
        let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--package", "tsdsm-c", "--target-dir"]).arg(&target);
        assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
        target.join("debug")
    })
}

fn compile(name: &str, link: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = libraries().join(format!("tsdsm-c-test-{name}-{}", std::process::id()));
    let compiler = std::env::var_os("CC").unwrap_or("cc".into());
    let mut command = Command::new(compiler);
    command.args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o"]).arg(&program);
    command.arg("-I").arg(folder.join("include")).arg(folder.join("tests/program.c"));
    command.arg("-L").arg(libraries()).args(link);
    assert!(command.status().expect("a C compiler").success());
    program
}

#[test]
fn a_program_in_c_joins_and_leaves_in_order() {
    let main = Main::start("shared");
    let program = compile("shared", &["-Wl,-Bdynamic", "-ltsdsm"]);
    main.see_off(main.run(&program, "all"));
    let a = main.member.array::<f64>("A").unwrap();
    assert_eq!([0, 1, 2, 3].map(|i| a.get(i)), [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(main.member.array::<i16>("C").unwrap().get(5), -5, "an array that the program has made");
    drop(main.member.lock("L").unwrap().acquire(None).unwrap());
    std::fs::remove_file(program).unwrap();
}

#[test]
fn one_that_is_killed_holding_a_lock_is_an_answer_and_the_next_takes_over() {
    let main = Main::start("static");
    let program = compile("static", &["-l:libtsdsm.a", "-lpthread", "-ldl", "-lm"]);
    let mut doomed = main.run(&program, "hold");
    let mut line = String::new();
    BufReader::new(doomed.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "holding\n");
    let busy = main.member.lock("L").unwrap().acquire(Some(std::time::Duration::ZERO)).unwrap_err();
    assert_eq!(busy.code(), "ERR_TSDSM_TIMEOUT");
    doomed.kill().unwrap();
    doomed.wait().unwrap();
    let died = main.member.lock("L").unwrap().acquire(None).unwrap_err();
    assert_eq!(died.code(), "ERR_TSDSM_OWNER_DIED");
    recover::sweep(main.member.control()).unwrap();

    main.member.delete_array("C").unwrap();
    main.see_off(main.run(&program, "recover"));
    assert_eq!(main.member.array::<f64>("A").unwrap().get(3), 6.0, "of both");
    std::fs::remove_file(program).unwrap();
}
