//! Copies of memory that may go away.

use tsdsm_kernels::{Error, Result};

/// Copies of pieces of memory. Pieces that overlap, as the operands of an operation in place do, are one.
#[derive(Default)]
pub struct Copies(Vec<Piece>);

struct Piece {
    /// First address of the original.
    start: usize,
    /// Address after its last.
    end: usize,
    /// Its bytes, from the place on that has the alignment of the original.
    words: Vec<u64>,
}

const WORD: usize = size_of::<u64>();

impl Copies {
    /// Copies so many bytes from each place on.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]
    ///
    /// # Safety
    /// The bytes can be read.
    pub unsafe fn of(pieces: impl Iterator<Item = (*mut u8, usize)>) -> Result<Copies> {
        let mut spans: Vec<(usize, usize)> =
            pieces.map(|(data, bytes)| (data as usize, data as usize + bytes)).collect();
        spans.sort_unstable();
        let mut copies: Vec<Piece> = Vec::new();
        for (start, end) in spans {
            match copies.last_mut() {
                Some(last) if start < last.end => last.end = last.end.max(end),
                _ => copies.push(Piece { start, end, words: Vec::new() }),
            }
        }
        for Piece { start, end, words } in &mut copies {
            let lead = *start % WORD;
            let length = (lead + *end - *start).div_ceil(WORD);
            words.try_reserve_exact(length).map_err(|_| Error::OutOfMemory { bytes: length * WORD })?;
            words.resize(length, 0);
            let original = std::ptr::with_exposed_provenance::<u8>(*start);
            // SAFETY: the caller's promise, and there is room for as many bytes.
            unsafe { words.as_mut_ptr().cast::<u8>().add(lead).copy_from_nonoverlapping(original, *end - *start) };
        }
        Ok(Copies(copies))
    }

    /// Where the copy of a byte is, of a piece that was copied; of a piece without bytes, any place that is aligned.
    pub fn place_of(&mut self, original: *mut u8) -> *mut u8 {
        let address = original as usize;
        let piece = self.0.iter_mut().find(|piece| (piece.start..piece.end).contains(&address));
        piece.map_or(original, |piece| {
            let lead = piece.start % WORD;
            piece.words.as_mut_ptr().cast::<u8>().wrapping_add(lead + address - piece.start)
        })
    }
}
