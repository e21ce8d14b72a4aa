// Package base builds the root file system that every sandbox starts from: a
// minimal Debian with git, ripgrep and Python, Node.js and Bun, the user
// daytona (1000), and the npm packages of the project templates already in
// /workspace/node_modules. It takes Debian packages with mmdebstrap and npm
// packages with npm, both through the host's own configuration (sources, keys,
// proxies, registry), and runs no package's install scripts but Debian's.
//
// A base is content-addressed: the same recipe on the same kind of machine is
// built once per cache folder, in a temporary folder that is renamed when it
// is whole. A build that was killed leaves nothing that a later one would take
// for a base, and two processes never build the same one at the same time. A
// finished base is never written again; the sandbox engine next door
// (sandbox/engine) lays a writable overlay over it.
package base
