// The least that a forked process can do: say that it is there, and stay.
process.send?.('ready')
process.on('message', () => {})
