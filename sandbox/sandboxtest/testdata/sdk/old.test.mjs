// What an application of 2025 does, with the SDK of then.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Daytona } from '@daytonaio/sdk-0.25'

const daytona = new Daytona({ apiKey: process.env.KEY, apiUrl: process.env.URL, target: 'local' })
let box

// The class is right, but it leaves the name at Error.
const isNotFound = (err) => err.constructor.name === 'DaytonaNotFoundError'

before(async () => {
  box = await daytona.create({ envVars: { GIVEN: 'value' }, labels: { suite: 'old sdk' } })
})
after(async () => {
  await box?.delete()
})

test('create answers when the sandbox is started', () => {
  assert.equal(box.state, 'started')
})

test('execute', async () => {
  const r = await box.process.executeCommand('echo $GIVEN; exit 3')
  assert.equal(r.exitCode, 3)
  assert.equal(r.result, 'value\n')
})

test('files', async () => {
  await box.fs.uploadFile(Buffer.from('hello'), 'up.txt')
  assert.equal((await box.fs.downloadFile('up.txt')).toString(), 'hello')
  await box.fs.uploadFiles([
    { source: Buffer.from('a'), destination: 'd/é a.txt' },
    { source: Buffer.from('b'), destination: 'd/b.txt' },
  ])
  assert.deepEqual((await box.fs.listFiles('d')).map((f) => f.name).sort(), ['b.txt', 'é a.txt'])
  assert.equal((await box.fs.getFileDetails('up.txt')).size, 5)
  assert.equal((await box.fs.findFiles('d/..', 'hello')).filter((m) => m.file.endsWith('/up.txt'))[0].line, 1)
  assert.equal((await box.fs.searchFiles('d', '*.txt')).files.length, 2)
  assert.equal((await box.fs.replaceInFiles(['up.txt'], 'hello', 'bye'))[0].success, true)
  await box.fs.createFolder('nf', '755')
  await box.fs.moveFiles('up.txt', 'nf/moved.txt')
  await box.fs.setFilePermissions('nf/moved.txt', { mode: '600' })
  assert.equal((await box.fs.getFileDetails('nf/moved.txt')).permissions, '0600')
  await box.fs.deleteFile('nf/moved.txt')
  await assert.rejects(box.fs.getFileDetails('nf/moved.txt'), isNotFound)
})

test('sessions', async () => {
  await box.process.createSession('s')
  await assert.rejects(box.process.createSession('s'), /already/)
  const { cmdId } = await box.process.executeSessionCommand('s', {
    command: 'for i in 1 2 3; do echo line $i; sleep 0.2; done; sleep 0.1; echo err >&2; (exit 4)', runAsync: true,
  })
  assert.equal((await box.process.getSessionCommand('s', cmdId)).exitCode, undefined)
  let log = ''
  await box.process.getSessionCommandLogs('s', cmdId, (chunk) => { log += chunk })
  assert.equal(log, 'line 1\nline 2\nline 3\nerr\n')
  assert.equal((await box.process.getSessionCommand('s', cmdId)).exitCode, 4)
  assert.equal(await box.process.getSessionCommandLogs('s', cmdId), log)
  const sync = await box.process.executeSessionCommand('s', { command: 'echo sync; (exit 2)' })
  assert.equal(sync.output, 'sync\n')
  assert.equal(sync.exitCode, 2)
  assert.equal((await box.process.listSessions()).length, 1)
  await box.process.deleteSession('s')
  await assert.rejects(box.process.getSession('s'), isNotFound)
})

test('git', async () => {
  await box.process.executeCommand('git init -q -b main /tmp/o && cd /tmp/o && git -c user.name=a -c user.email=b@c commit -q --allow-empty -m one')
  await box.git.clone('file:///tmp/o', 'repo')
  await box.fs.uploadFile(Buffer.from('x'), 'repo/f')
  const status = await box.git.status('repo')
  assert.equal(status.currentBranch, 'main')
  assert.equal(status.fileStatus[0].worktree, 'Untracked')
  await box.git.add('repo', ['f'])
  assert.match((await box.git.commit('repo', 'm', 'A', 'a@b')).sha, /^[0-9a-f]{40}$/)
  assert.deepEqual((await box.git.branches('repo')).branches, ['main'])
})

test('preview link', async () => {
  const link = await box.getPreviewLink(3000)
  assert.ok(new URL(link.url).hostname.startsWith('3000-'))
  assert.ok(link.token)
})

test('list is an array', async () => {
  await box.setLabels({ suite: 'old sdk, relabelled' })
  const list = await daytona.list({ suite: 'old sdk, relabelled' })
  assert.deepEqual(list.map((b) => b.id), [box.id])
})

test('stop and start', async () => {
  await box.setAutostopInterval(7)
  await box.stop()
  assert.equal(box.state, 'stopped')
  await assert.rejects(box.process.executeCommand('true'), /Is the Sandbox started/)
  await box.start()
  assert.equal(box.state, 'started')
  assert.equal((await box.fs.downloadFile('d/b.txt')).toString(), 'b')
})
