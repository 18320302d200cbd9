import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InvalidArgumentError } from './errors.js'

/** The absolute path of a file that was named by a path or a `file:` URL. */
export function filePath(file: string | URL): string {
  if (file instanceof URL) {
    if (file.protocol !== 'file:') throw new InvalidArgumentError(`'${file}' is not the URL of a file`)
    return fileURLToPath(file)
  }
  if (typeof file !== 'string' || file === '') throw new InvalidArgumentError('the file must be a path or a file: URL')
  return resolve(file)
}
