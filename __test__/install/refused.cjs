// Says how loading fails. With an argument: as if on that platform.
if (process.argv[2]) Object.defineProperty(process, 'platform', { value: process.argv[2] })
try {
  require('tsdsm')
  console.log('loaded')
} catch (error) {
  console.log(`${error.name} ${error.code}: ${error.message}`)
}
