// Package release makes a publishable deploy.Release out of what a build left
// behind. The build ran in a sandbox under somebody else's control, so all of
// it is hostile input: Collect reads one tar stream under caps and keeps plain
// files only, New reads the configuration by an allow-list. The sandbox
// proposes modules, assets, values and routing rules; the server chooses the
// name, the project and the bindings. Whatever is wrong is a deploy.Refusal
// whose text is meant for the app's author.
//
// Contents are kept by hash in Blobs, from which targets serve and upload.
package release
