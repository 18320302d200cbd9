//! The indices that a kernel over independent elements goes through: as few axes as the strides of all operands allow.

use crate::array::{Array, MAX_RANK};

/// Operands of a kernel: what it writes, three inputs and a mask.
pub(crate) const OPERANDS: usize = 5;

/// All indices of `N` arrays of one shape, in an order that suits the first of them. The innermost axis is a *row*.
#[derive(Clone)]
pub(crate) struct Space<const N: usize = OPERANDS> {
    rank: usize,
    lengths: [usize; MAX_RANK],
    strides: [[isize; MAX_RANK]; N],
    size: usize,
}

/// Where in a space: the index along each axis.
#[derive(Clone, Copy)]
pub(crate) struct Cursor([usize; MAX_RANK]);

impl<const N: usize> Space<N> {
    /// The space of these arrays, which all have the same shape. In C order if `ordered`, else in the order in which the
    /// first one lies in memory.
    pub fn new(operands: &[Option<&Array<'_>>], ordered: bool) -> Space<N> {
        let first = operands[0].expect("what is written");
        let mut axes = [0; MAX_RANK];
        let mut rank = 0;
        for axis in (0..first.rank()).filter(|&axis| first.shape()[axis] != 1) {
            axes[rank] = axis;
            rank += 1;
        }
        if !ordered {
            axes[..rank].sort_by_key(|&axis| std::cmp::Reverse(first.strides()[axis].unsigned_abs()));
        }
        Space::of_axes(operands, &axes[..rank])
    }

    /// The space of some axes of these arrays, from the outermost to the innermost.
    pub fn of_axes(operands: &[Option<&Array<'_>>], axes: &[usize]) -> Space<N> {
        let shape = operands[0].expect("what is written").shape();
        let mut space = Space { rank: 0, lengths: [1; MAX_RANK], strides: [[0; MAX_RANK]; N], size: 1 };
        for &axis in axes {
            space.size *= shape[axis];
            if shape[axis] != 1 {
                space.push(shape[axis], operands, axis);
            }
        }
        space.rank = space.rank.max(1);
        space
    }

    /// Puts an axis inside of those that are there: as one with the last one where every operand's strides allow it.
    fn push(&mut self, length: usize, operands: &[Option<&Array<'_>>], axis: usize) {
        let stride = |operand: usize| match operands.get(operand) {
            Some(Some(array)) => array.strides()[axis],
            _ => 0,
        };
        let joins =
            self.rank > 0 && (0..operands.len()).all(|i| self.strides[i][self.rank - 1] == stride(i) * length as isize);
        if joins {
            self.lengths[self.rank - 1] *= length;
        } else {
            self.lengths[self.rank] = length;
            self.rank += 1;
        }
        for i in 0..operands.len() {
            self.strides[i][self.rank - 1] = stride(i);
        }
    }

    /// Number of indices.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Length of a row.
    pub fn row(&self) -> usize {
        self.lengths[self.rank - 1]
    }

    /// Elements from one index of a row to the next.
    pub fn step(&self, operand: usize) -> isize {
        self.strides[operand][self.rank - 1]
    }

    /// Whether an operand is one element everywhere.
    pub fn is_constant(&self, operand: usize) -> bool {
        self.strides[operand][..self.rank].iter().all(|&stride| stride == 0)
    }

    /// Whether an operand's elements lie one after the other, in the order of the space.
    pub fn is_flat(&self, operand: usize) -> bool {
        let mut step = 1;
        (0..self.rank).rev().all(|axis| {
            let fits = self.strides[operand][axis] == step || self.lengths[axis] == 1;
            step *= self.lengths[axis] as isize;
            fits
        })
    }

    /// The index that `position` others come before.
    pub fn cursor(&self, mut position: usize) -> Cursor {
        let mut cursor = Cursor([0; MAX_RANK]);
        for axis in (1..self.rank).rev() {
            cursor.0[axis] = position % self.lengths[axis];
            position /= self.lengths[axis];
        }
        cursor.0[0] = position;
        cursor
    }

    /// Indices from this one to the end of its row.
    pub fn left_in_row(&self, cursor: &Cursor) -> usize {
        self.row() - cursor.0[self.rank - 1]
    }

    /// Elements from an operand's first one to the one here.
    pub fn offset(&self, operand: usize, cursor: &Cursor) -> isize {
        (0..self.rank).map(|axis| cursor.0[axis] as isize * self.strides[operand][axis]).sum()
    }

    /// Calls `piece` for the pieces of rows that the next `len` indices from `cursor` on are, with the operand's offset of
    /// the first index, how many came before, and how many there are.
    #[inline(always)]
    pub fn pieces(&self, operand: usize, cursor: &Cursor, len: usize, mut piece: impl FnMut(isize, usize, usize)) {
        let strides = &self.strides[operand];
        let inner = self.rank - 1;
        let mut index = cursor.0;
        let mut offset = self.offset(operand, cursor);
        let mut done = 0;
        loop {
            let count = (self.lengths[inner] - index[inner]).min(len - done);
            piece(offset, done, count);
            done += count;
            if done == len {
                return;
            }
            offset -= index[inner] as isize * strides[inner];
            index[inner] = 0;
            for axis in (0..inner).rev() {
                index[axis] += 1;
                offset += strides[axis];
                if index[axis] < self.lengths[axis] {
                    break;
                }
                offset -= strides[axis] * self.lengths[axis] as isize;
                index[axis] = 0;
            }
        }
    }
}
