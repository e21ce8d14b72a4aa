// Package base builds the root file system that every sandbox starts from: a
// minimal Debian with git, ripgrep and Python, Node.js and Bun, the user
// daytona (1000), and the npm packages of the project templates already in
// /workspace/node_modules. It takes Debian packages with mmdebstrap and npm
// packages with npm, both through the host's own configuration (sources, keys,
// proxies, registry), and runs no package's install scripts but Debian's.
//
// In the place of the Debian packages it can take an OCI image from a registry
// (go-containerregistry, with the credentials of docker or podman). An image
// is an enemy's until shown otherwise: its layers are unpacked through os.Root
// within limits, what is written above them stays in the tree, none of its
// programs runs on the host, and what sandboxes need and it lacks is told
// before anything starts from it.
//
// A base is content-addressed: the same recipe on the same kind of machine, and
// the same image by its digest, is built once per cache folder, in a temporary
// folder that is renamed when it is whole. A build that was killed leaves nothing that a later one would take
// for a base, and two processes never build the same one at the same time. A
// finished base is never written again; the sandbox engine next door
// (sandbox/engine) lays a writable overlay over it.
package base
