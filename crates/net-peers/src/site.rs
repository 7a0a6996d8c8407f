//! Where a server is, and what its clients have in common.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What is on its way at most.
const BYTES: usize = 32 << 20;
const FEWEST: usize = 16;
const MOST: usize = 1 << 14;
const ADDRESSES: &str = "addresses";
const SERVER: &str = "server";

/// A server and its folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Site {
    /// A folder that exists and is its own.
    pub folder: PathBuf,
    /// Bytes of an item.
    pub size: usize,
}

impl Site {
    /// In this folder, for items of so many bytes.
    #[must_use]
    pub fn new(folder: &Path, size: usize) -> Self {
        Self {
            folder: folder.to_path_buf(),
            size,
        }
    }

    /// Items that a queue holds, for those who have a bound.
    pub(crate) fn room(&self) -> usize {
        (BYTES / self.size.max(1)).clamp(FEWEST, MOST)
    }

    /// How many are on their way without an answer: few of the large ones.
    #[cfg(feature = "crates")]
    pub(crate) const fn window(&self, small: usize, large: usize, huge: usize) -> usize {
        match self.size {
            0..0x8000 => small,
            0x8000..0x4_0000 => large,
            _ => huge,
        }
    }

    /// Where the server's Unix socket is, for those who have one.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// Says where the server listens. Before anybody is told that it is ready.
    pub(crate) fn announce(&self, addresses: &[String]) -> Result<(), String> {
        self.write(ADDRESSES, &addresses.join("\n")).map(drop)
    }

    /// The first address, or another one, of a server that has said so.
    pub(crate) fn address(&self, place: usize) -> Result<String, String> {
        let path = self.folder.join(ADDRESSES);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let line = text.lines().nth(place).map(str::to_owned);
        line.ok_or_else(|| format!("{} has no line {place}", path.display()))
    }

    /// The port of an address.
    pub(crate) fn port(&self) -> Result<u16, String> {
        let address = self.address(0)?;
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        port.ok_or_else(|| format!("expected an address with a port, found {address}"))
    }

    /// Says which process the server is.
    pub(crate) fn tell_server(&self, id: u32) -> Result<(), String> {
        self.write(SERVER, &id.to_string()).map(drop)
    }

    /// The id of the server's process, once it is ready.
    ///
    /// # Errors
    /// When it has not said so.
    pub fn server(&self) -> Result<u32, String> {
        let path = self.folder.join(SERVER);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        text.parse().map_err(|error| format!("{}: {error}", path.display()))
    }

    /// A new file in the folder, for nobody else to read.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.folder.join(name);
        let failed = |error| format!("{}: {error}", path.display());
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        Ok(path)
    }
}
