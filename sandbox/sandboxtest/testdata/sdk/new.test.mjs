// The same with the SDK of 2026, and what it added.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Daytona } from '@daytonaio/sdk'

const daytona = new Daytona({ apiKey: process.env.KEY, apiUrl: process.env.URL, target: 'local' })
let box

before(async () => {
  box = await daytona.create({ envVars: { GIVEN: 'value' }, labels: { suite: 'new sdk' } })
})
after(async () => {
  await box?.delete()
  // Its event socket would keep the process alive.
  setTimeout(() => process.exit(), 100)
})

async function until(what, cond) {
  for (let n = 0; n < 500; n++) {
    try {
      if (await cond()) return
    } catch {
      // not yet
    }
    await new Promise((done) => setTimeout(done, 20))
  }
  assert.fail(`waited in vain: ${what}`)
}

test('create answers when the sandbox is started', async () => {
  assert.equal(box.state, 'started')
  assert.equal(box.labels['code-toolbox-language'], 'python')
  assert.ok(await box.getWorkDir())
  assert.equal(await box.getUserHomeDir(), '/home/daytona')
})

test('a wrong key is refused', async () => {
  const other = new Daytona({ apiKey: 'wrong', apiUrl: process.env.URL, target: 'local' })
  await assert.rejects(other.get(box.id), { name: 'DaytonaAuthenticationError' })
  await assert.rejects(daytona.get('00000000-0000-4000-8000-000000000000'), { name: 'DaytonaNotFoundError' })
})

test('execute', async () => {
  const r = await box.process.executeCommand('echo $GIVEN; echo "$X"; exit 3', undefined, { X: "a 'b' c" })
  assert.equal(r.exitCode, 3)
  assert.equal(r.result, "value\na 'b' c\n")
  await assert.rejects(box.process.executeCommand('sleep 10', undefined, undefined, 1), /timeout/i)
})

test('files', async () => {
  await box.fs.uploadFile(Buffer.from('hello'), 'up é.txt')
  assert.equal((await box.fs.downloadFile('up é.txt')).toString(), 'hello')
  await box.fs.uploadFiles([
    { source: Buffer.from('a'), destination: 'd/é a.txt' },
    { source: Buffer.from('b'), destination: 'd/b.txt' },
  ])
  const got = await box.fs.downloadFiles([{ source: 'd/é a.txt' }, { source: 'd/none' }])
  assert.equal(got[0].result.toString(), 'a')
  assert.ok(got[1].error)
  assert.equal((await box.fs.listFiles('d')).length, 2)
  await assert.rejects(box.fs.getFileDetails('none'), /no such file/)
})

test('sessions', async () => {
  await box.process.createSession('s')
  const { cmdId } = await box.process.executeSessionCommand('s', {
    command: 'for i in 1 2 3; do echo line $i; echo e$i >&2; sleep 0.2; done; printf "\\377bad\\n"; (exit 4)', runAsync: true,
  })
  let out = ''
  let err = ''
  await box.process.getSessionCommandLogs('s', cmdId, (x) => { out += x }, (x) => { err += x })
  assert.ok(out.startsWith('line 1\nline 2\nline 3\n') && out.endsWith('bad\n'), out)
  assert.equal(err, 'e1\ne2\ne3\n')
  assert.equal((await box.process.getSessionCommand('s', cmdId)).exitCode, 4)
  const sync = await box.process.executeSessionCommand('s', { command: 'echo sync; echo x >&2; (exit 2)' })
  assert.deepEqual([sync.stdout, sync.stderr, sync.exitCode], ['sync\n', 'x\n', 2])
  const read = await box.process.executeSessionCommand('s', { command: 'read x; echo got $x', runAsync: true })
  await until('input is taken', async () => {
    await box.process.sendSessionCommandInput('s', read.cmdId, 'in')
    return true
  })
  await until('it ends', async () => (await box.process.getSessionCommand('s', read.cmdId)).exitCode === 0)
  assert.match((await box.process.getSessionCommandLogs('s', read.cmdId)).stdout, /got in\n$/)
  await box.process.deleteSession('s')
})

test('much output in frames that the SDK can take', async () => {
  await box.process.createSession('much')
  const { cmdId } = await box.process.executeSessionCommand('much', { command: "head -c 2000000 /dev/zero | tr '\\0' x", runAsync: true })
  let n = 0
  await box.process.getSessionCommandLogs('much', cmdId, (x) => { n += x.length }, () => {})
  assert.equal(n, 2_000_000)
  await box.process.deleteSession('much')
})

test('terminals', async () => {
  let out = ''
  const pty = await box.process.createPty({
    id: 'p', cols: 100, rows: 30, envs: { PV: 'pv' }, onData: (x) => { out += new TextDecoder().decode(x) },
  })
  await pty.waitForConnection()
  await pty.sendInput('stty size; echo [$PV]; exit 5\n')
  assert.equal((await pty.wait()).exitCode, 5)
  assert.match(out, /30 100[^]*\[pv\]/)
  const other = await box.process.createPty({ id: 'q', onData: () => {} })
  await other.waitForConnection()
  await other.kill()
  assert.equal((await other.wait()).exitCode, 137)
})

test('git', async () => {
  await box.process.executeCommand('git init -q -b main /tmp/o && cd /tmp/o && git -c user.name=a -c user.email=b@c commit -q --allow-empty -m one')
  await box.git.clone('file:///tmp/o', 'repo')
  await box.fs.uploadFile(Buffer.from('x'), 'repo/f')
  assert.equal((await box.git.status('repo')).fileStatus[0].worktree, 'Untracked')
  await box.git.add('repo', ['f'])
  assert.match((await box.git.commit('repo', 'm', 'A', 'a@b')).sha, /^[0-9a-f]{40}$/)
  await box.git.createBranch('repo', 'b1')
  await box.git.checkoutBranch('repo', 'main')
  await box.git.deleteBranch('repo', 'b1')
  assert.deepEqual((await box.git.branches('repo')).branches, ['main'])
})

test('list', async () => {
  const found = []
  for await (const b of daytona.list({ labels: { suite: 'new sdk' } })) found.push(b.id)
  assert.deepEqual(found, [box.id])
})

test('stop and start', async () => {
  await box.stop()
  assert.equal(box.state, 'stopped')
  await assert.rejects(box.process.executeCommand('true'), /Is the Sandbox started/)
  await box.start()
  assert.equal((await box.fs.downloadFile('d/b.txt')).toString(), 'b')
})
