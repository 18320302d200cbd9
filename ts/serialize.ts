import { DefaultDeserializer, DefaultSerializer } from 'node:v8'
import { fromHandle, toHandle } from './handle.js'
import { isSharedArray } from './shared-array.js'
import { isStridedView } from './strided-view.js'

/**
 * How values travel between main and the workers: V8's structured clone, in which shared arrays and strided views go as
 * handles and arrive attached to the same memory.
 *
 * A message starts with {@link HEADER} bytes that belong to the caller; then come V8's header, the number of values, and
 * the values, each after a tag.
 */
export const HEADER = 8

/** What a top-level value is. */
const PLAIN = 0
/** A strided view is a plain object to V8, so it is replaced before V8 sees it. */
const STRIDED = 1

/** What V8 calls a host object: any view on an ArrayBuffer. */
const SHARED_ARRAY = 1
const OTHER_VIEW = 0

const utf8 = new TextEncoder()

// Node's typings keep the methods to themselves that are overridden here.
const writeView = (DefaultSerializer.prototype as unknown as { _writeHostObject(view: NodeJS.ArrayBufferView): void })
  ._writeHostObject
const readView = (DefaultDeserializer.prototype as unknown as { _readHostObject(): NodeJS.ArrayBufferView })
  ._readHostObject

class Writer extends DefaultSerializer {
  _writeHostObject(view: NodeJS.ArrayBufferView): void {
    if (isSharedArray(view)) {
      this.writeUint32(SHARED_ARRAY)
      this.writeHandle(view)
    } else {
      this.writeUint32(OTHER_VIEW)
      writeView.call(this, view)
    }
  }

  writeHandle(view: Parameters<typeof toHandle>[0]): void {
    const text = utf8.encode(JSON.stringify(toHandle(view)))
    this.writeUint32(text.length)
    this.writeRawBytes(text)
  }
}

class Reader extends DefaultDeserializer {
  _readHostObject(): unknown {
    if (this.readUint32() === SHARED_ARRAY) return this.readHandle()
    return readView.call(this)
  }

  readHandle(): unknown {
    const length = this.readUint32()
    return fromHandle(JSON.parse(Buffer.from(this.readRawBytes(length)).toString('utf8')))
  }
}

/** Serialises `values` behind `header`. Throws V8's DataCloneError when one of them cannot be cloned. */
export function writeValues(header: Uint8Array, values: readonly unknown[]): Buffer {
  const writer = new Writer()
  writer.writeRawBytes(header)
  writer.writeHeader()
  writer.writeUint32(values.length)
  for (const value of values) {
    if (isStridedView(value)) {
      writer.writeUint32(STRIDED)
      writer.writeHandle(value)
    } else {
      writer.writeUint32(PLAIN)
      writer.writeValue(value)
    }
  }
  return writer.releaseBuffer()
}

/** The values of a message made by {@link writeValues}. */
export function readValues(message: Buffer): unknown[] {
  const reader = new Reader(message.subarray(HEADER))
  reader.readHeader()
  const values: unknown[] = new Array(reader.readUint32())
  for (let i = 0; i < values.length; i++) {
    values[i] = reader.readUint32() === STRIDED ? reader.readHandle() : reader.readValue()
  }
  return values
}
