//! The blob format: pure functions between plain and sealed bytes.
//!
//! ```text
//! version 1 | key id 8 | nonce prefix 19 | chunk … | last chunk
//! chunk = up to 64 KiB of plain text + 16 bytes tag; all but the last are full
//! ```
//!
//! The chunks are the STREAM construction (`aead-stream`, BE32) over
//! XChaCha20-Poly1305: each nonce holds the chunk's number and whether it is
//! the last, so that truncation and reordering fail. AES-GCM would leave 7
//! random bytes of nonce per blob, too few for the many blobs of one project's
//! key; these are 19. Version, key id and path are associated data.

use aead_stream::{
    DecryptorBE32, EncryptorBE32,
    aead::{Payload, array::Array},
};

use crate::{
    error::Error,
    key::{DataKey, KeyId, random},
    path::BlobPath,
};

const VERSION: u8 = 1;
const NONCE_PREFIX_LEN: usize = 19;
const HEADER_LEN: usize = 1 + 8 + NONCE_PREFIX_LEN;
const CHUNK_LEN: usize = 64 * 1024;
const TAG_LEN: usize = 16;

/// How many bytes `plain_len` bytes have when they are sealed.
pub const fn sealed_len(plain_len: u64) -> u64 {
    let chunks = if plain_len == 0 { 1 } else { plain_len.div_ceil(CHUNK_LEN as u64) };
    HEADER_LEN as u64 + plain_len + chunks * TAG_LEN as u64
}

/// Seals `plain` as the blob at `path`.
pub(crate) fn seal(key: &DataKey, path: &BlobPath, plain: &[u8]) -> Result<Vec<u8>, Error> {
    let prefix: [u8; NONCE_PREFIX_LEN] = random()?;
    let aad = associated_data(key.id, path);
    let mut sealed = Vec::with_capacity(usize::try_from(sealed_len(plain.len() as u64)).map_err(|_| Error::Seal)?);
    sealed.push(VERSION);
    sealed.extend_from_slice(&key.id.0);
    sealed.extend_from_slice(&prefix);
    let mut stream = EncryptorBE32::from_aead(key.cipher.clone(), &Array(prefix));
    let (full, last) = split_last(plain, CHUNK_LEN);
    for chunk in full.chunks(CHUNK_LEN) {
        let chunk = stream.encrypt_next(Payload { msg: chunk, aad: &aad }).map_err(|_| Error::Seal)?;
        sealed.extend_from_slice(&chunk);
    }
    let last = stream.encrypt_last(Payload { msg: last, aad: &aad }).map_err(|_| Error::Seal)?;
    sealed.extend_from_slice(&last);
    Ok(sealed)
}

/// Which data key sealed a blob.
pub(crate) fn key_id(sealed: &[u8]) -> Result<KeyId, Error> {
    let (version, rest) = sealed.split_first().ok_or(Error::Damaged)?;
    if *version != VERSION {
        return Err(Error::Format(*version));
    }
    rest.first_chunk::<8>().map(|id| KeyId(*id)).ok_or(Error::Damaged)
}

/// Opens the blob that was sealed at `path`; any change is an error.
pub(crate) fn open(key: &DataKey, path: &BlobPath, sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let id = key_id(sealed)?;
    if id != key.id {
        return Err(Error::UnknownKey(id));
    }
    let (header, body) = sealed.split_at_checked(HEADER_LEN).ok_or(Error::Damaged)?;
    let prefix = header.last_chunk::<NONCE_PREFIX_LEN>().ok_or(Error::Damaged)?;
    let aad = associated_data(id, path);
    let mut plain = Vec::with_capacity(body.len());
    let mut stream = DecryptorBE32::from_aead(key.cipher.clone(), &Array(*prefix));
    let (full, last) = split_last(body, CHUNK_LEN + TAG_LEN);
    for chunk in full.chunks(CHUNK_LEN + TAG_LEN) {
        let chunk = stream.decrypt_next(Payload { msg: chunk, aad: &aad }).map_err(|_| Error::Damaged)?;
        plain.extend_from_slice(&chunk);
    }
    let last = stream.decrypt_last(Payload { msg: last, aad: &aad }).map_err(|_| Error::Damaged)?;
    plain.extend_from_slice(&last);
    Ok(plain)
}

/// The chunks before the last one, and the last one: it alone may be short or empty.
fn split_last(bytes: &[u8], chunk_len: usize) -> (&[u8], &[u8]) {
    let before = bytes.len().saturating_sub(1) / chunk_len * chunk_len;
    bytes.split_at(before)
}

fn associated_data(key: KeyId, path: &BlobPath) -> Vec<u8> {
    [&[VERSION], key.0.as_slice(), path.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
    use proptest::prelude::*;

    use super::*;

    fn key() -> DataKey {
        DataKey { id: KeyId(*b"key one!"), cipher: XChaCha20Poly1305::new(&[7; 32].into()) }
    }

    fn path(text: &str) -> BlobPath {
        text.parse().expect("a path")
    }

    /// Lengths around the chunk borders, where mistakes would be.
    fn lengths() -> impl Strategy<Value = usize> {
        prop_oneof![0..300_usize, CHUNK_LEN - 2..CHUNK_LEN + 3, 2 * CHUNK_LEN - 2..2 * CHUNK_LEN + 3]
    }

    fn plain(len: usize) -> Vec<u8> {
        (0..len).map(|i| u8::try_from(i % 251).unwrap_or(0)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_sealed_opens(len in lengths()) {
            let sealed = seal(&key(), &path("a/b"), &plain(len)).expect("sealed");
            prop_assert_eq!(sealed.len() as u64, sealed_len(len as u64));
            prop_assert_eq!(open(&key(), &path("a/b"), &sealed).expect("opened"), plain(len));
        }

        #[test]
        fn a_flipped_bit_is_an_error(len in lengths(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let mut sealed = seal(&key(), &path("a/b"), &plain(len)).expect("sealed");
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert!(open(&key(), &path("a/b"), &sealed).is_err());
        }

        #[test]
        fn a_truncated_or_longer_blob_is_an_error(len in lengths(), keep in any::<prop::sample::Index>()) {
            let sealed = seal(&key(), &path("a/b"), &plain(len)).expect("sealed");
            prop_assert!(open(&key(), &path("a/b"), &sealed[..keep.index(sealed.len())]).is_err());
            prop_assert!(open(&key(), &path("a/b"), &[sealed.as_slice(), &[0]].concat()).is_err());
        }
    }

    #[test]
    fn a_blob_cut_at_a_chunk_border_is_an_error() {
        let sealed = seal(&key(), &path("a"), &plain(3 * CHUNK_LEN)).expect("sealed");
        for chunks in 0..3 {
            let cut = &sealed[..HEADER_LEN + chunks * (CHUNK_LEN + TAG_LEN)];
            assert!(open(&key(), &path("a"), cut).is_err(), "{chunks} chunks were taken");
        }
    }

    #[test]
    fn reordered_chunks_are_an_error() {
        let sealed = seal(&key(), &path("a"), &plain(3 * CHUNK_LEN)).expect("sealed");
        let (header, body) = sealed.split_at(HEADER_LEN);
        let chunks: Vec<&[u8]> = body.chunks(CHUNK_LEN + TAG_LEN).collect();
        let swapped = [header, chunks[1], chunks[0], chunks[2]].concat();
        assert!(matches!(open(&key(), &path("a"), &swapped), Err(Error::Damaged)));
    }

    #[test]
    fn another_path_key_or_format_is_an_error() {
        let sealed = seal(&key(), &path("a/b"), b"line").expect("sealed");
        assert!(matches!(open(&key(), &path("a/c"), &sealed), Err(Error::Damaged)));
        let stranger = DataKey { id: KeyId(*b"key two!"), ..key() };
        assert!(matches!(open(&stranger, &path("a/b"), &sealed), Err(Error::UnknownKey(_))));
        let impostor = DataKey { cipher: XChaCha20Poly1305::new(&[8; 32].into()), ..key() };
        assert!(matches!(open(&impostor, &path("a/b"), &sealed), Err(Error::Damaged)));
        let newer = [&[2], &sealed[1..]].concat();
        assert!(matches!(open(&key(), &path("a/b"), &newer), Err(Error::Format(2))));
    }

    #[test]
    fn equal_lines_seal_differently() {
        let seal = || seal(&key(), &path("a"), b"line").expect("sealed");
        assert_ne!(seal(), seal());
    }
}
