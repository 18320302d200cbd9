// Loads the addon and reads a shared file, without starting a second process.
import { writeFileSync } from 'node:fs'
import { SharedArray } from 'tsdsm'

const head = Buffer.from(
  `\x93NUMPY\x01\x00\x76\x00${"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }".padEnd(117)}\n`,
  'latin1',
)
writeFileSync('three.npy', Buffer.concat([head, Buffer.from(new Float64Array([1, 2, 4]).buffer)]))
const array = SharedArray.attach('three.npy')
array[0] = 8
console.log(process.arch, array.dtype, array.join(' '))
