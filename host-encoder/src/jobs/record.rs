//! Files of one value, bound to what the value was made from, and checked before they are believed.
//!
//! `NVLR`, the kind (4 bytes), the key (32), the payload's length (8, little endian), its CRC-32 (4), the payload in postcard's
//! encoding.

use std::fs;
use std::io::Write;
use std::path::Path;

use decoder_core::wire::CRC;
use serde::{Serialize, de::DeserializeOwned};

use crate::io::{OutputError, OutputFile};

/// What a value was made from: a hash of everything that it depends on.
pub type Key = [u8; 32];

const MAGIC: &[u8; 4] = b"NVLR";
const HEAD: usize = 4 + 4 + 32 + 8 + 4;

/// Why a file is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is not there, or cannot be read.
    Missing,
    /// It was made from something else.
    Foreign,
    /// It is not whole, or not of this kind.
    Damaged,
}

/// Writes a value, atomically, in place of what is there. The folder is made if it is missing.
pub fn write<T: Serialize>(path: &Path, kind: [u8; 4], key: &Key, value: &T) -> Result<(), OutputError> {
    let failed = |source| OutputError::Write { target: path.into(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let payload = postcard::to_allocvec(value).map_err(|error| failed(std::io::Error::other(error)))?;
    let mut head = Vec::with_capacity(HEAD);
    head.extend(MAGIC);
    head.extend(kind);
    head.extend(key);
    head.extend((payload.len() as u64).to_le_bytes());
    head.extend(CRC.checksum(&payload).to_le_bytes());
    let mut file = OutputFile::create(path, true)?;
    file.write_all(&head).and_then(|()| file.write_all(&payload)).map_err(failed)?;
    file.commit()
}

/// Reads a value that was made from what `key` says.
pub fn read<T: DeserializeOwned>(path: &Path, kind: [u8; 4], key: &Key) -> Result<T, Unusable> {
    let bytes = fs::read(path).map_err(|_| Unusable::Missing)?;
    let (head, payload) = bytes.split_at_checked(HEAD).ok_or(Unusable::Damaged)?;
    if head[..8] != [*MAGIC, kind].concat() {
        return Err(Unusable::Damaged);
    }
    if head[8..40] != key[..] {
        return Err(Unusable::Foreign);
    }
    if head[40..48] != (payload.len() as u64).to_le_bytes() || head[48..] != CRC.checksum(payload).to_le_bytes() {
        return Err(Unusable::Damaged);
    }
    postcard::from_bytes(payload).map_err(|_| Unusable::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_files_of_the_right_key_are_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/a");
        let value = vec![1.5_f32, -0.0, f32::MIN_POSITIVE];
        assert_eq!(read::<Vec<f32>>(&path, *b"test", &[1; 32]), Err(Unusable::Missing));
        write(&path, *b"test", &[1; 32], &value).unwrap();
        assert_eq!(read(&path, *b"test", &[1; 32]), Ok(value.clone()));
        assert_eq!(read::<Vec<f32>>(&path, *b"test", &[2; 32]), Err(Unusable::Foreign));
        assert_eq!(read::<Vec<f32>>(&path, *b"tost", &[1; 32]), Err(Unusable::Damaged));
        let whole = fs::read(&path).unwrap();
        for len in 0..whole.len() {
            fs::write(&path, &whole[..len]).unwrap();
            assert_eq!(read::<Vec<f32>>(&path, *b"test", &[1; 32]), Err(Unusable::Damaged), "{len} bytes");
        }
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &bytes).unwrap();
            assert!(read::<Vec<f32>>(&path, *b"test", &[1; 32]).is_err(), "bit {bit}");
        }
        write(&path, *b"test", &[1; 32], &value).unwrap();
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
