// What piscina's threads run in the benchmark of an empty task.
module.exports = (): void => {}
