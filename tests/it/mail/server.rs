//! The mail server of the tests, started once, and an independent reader of mails.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// The server. It ends with this process, whose end its standard input shows.
pub(super) struct Server {
    folder: TempDir,
    ports: Value,
    _child: Child,
    _input: ChildStdin,
}

/// A mail as a mail program shows it.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) document: Value,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn ran(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Certificates of our own authority for `localhost`, and two that nobody may trust: of another authority, and for
/// another name.
fn make_certificates(folder: &Path) {
    let openssl = |arguments: &str| ran(Command::new("openssl").args(arguments.split(' ')).current_dir(folder));
    for (authority, names) in [
        ("ca", &[("server", "localhost"), ("elsewhere", "elsewhere.example.com")][..]),
        ("other", &[("stranger", "localhost")]),
    ] {
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        openssl(&format!(
            "req -x509 {key} -days 2 -subj /CN=Tests-{authority} -keyout {authority}.key -out {authority}.pem"
        ));
        for (name, host) in names {
            openssl(&format!("req {key} -subj /CN={host} -keyout {name}.key -out {name}.csr"));
            fs::write(folder.join("names"), format!("subjectAltName=DNS:{host}\n")).expect("written");
            openssl(&format!(
                "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -days 2 -extfile names \
                 -out {name}.pem"
            ));
        }
    }
}

impl Server {
    pub(super) fn get() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| {
            ran(&mut Command::new(root().join(".ci/mail-server")));
            let folder = tempfile::tempdir().expect("a folder");
            make_certificates(folder.path());
            let mut child = Command::new(root().join("target/tools/mail-server/bin/python"))
                .args([root().join("tests/it/mail/server.py").as_path(), folder.path()])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("the mail server");
            let input = child.stdin.take().expect("its input");
            let mut line = String::new();
            BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
            let ports = serde_json::from_str(&line).expect("its ports");
            Self { folder, ports, _child: child, _input: input }
        })
    }

    pub(super) fn port(&self, name: &str) -> u16 {
        self.ports[name].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port")
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The mails that were taken for this address, in the order in which they came.
    pub(super) fn taken(&self, address: &str) -> Vec<Vec<u8>> {
        files_that_end_in(self.folder.path(), &format!("={address}.eml"))
            .iter()
            .map(|path| fs::read(path).expect("a mail"))
            .collect()
    }
}

/// The files of a folder whose names end so, by name; none where there is no folder.
pub(super) fn files_that_end_in(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    paths.sort();
    paths
}

impl Read {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut child = Command::new("python3")
            .arg(root().join("tests/it/mail/read.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        child.stdin.take().expect("its input").write_all(bytes).expect("written");
        let output = child.wait_with_output().expect("an end");
        assert!(output.status.success(), "a mail that no program reads:\n{}", String::from_utf8_lossy(bytes));
        Self { document: serde_json::from_slice(&output.stdout).expect("a document") }
    }

    pub(super) fn header(&self, name: &str) -> String {
        let headers = self.document["headers"].as_array().expect("headers");
        let mut found =
            headers.iter().filter(|header| header[0].as_str().is_some_and(|it| it.eq_ignore_ascii_case(name)));
        let value = found.next().unwrap_or_else(|| panic!("no {name} in {headers:?}"));
        assert!(found.next().is_none(), "two {name} in {headers:?}");
        value[1].as_str().expect("a text").to_owned()
    }

    pub(super) fn text(&self) -> &str {
        self.document["text"].as_str().expect("a text")
    }

    /// The rest of the line after this line.
    pub(super) fn line_after(&self, label: &str) -> &str {
        let mut lines = self.text().lines().skip_while(|line| *line != label).skip(1);
        lines.next().unwrap_or_else(|| panic!("no {label} in {}", self.text()))
    }
}
