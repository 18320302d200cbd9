/// <reference types="node" preserve="true" />
/// <reference lib="esnext.disposable" preserve="true" />

// One instance for import and require: this is only a face.
export * from './index.js'
