// Package defaultenv carries the recipe of the snapshot default-env:1.0.0, the
// environment that projects start from: recipe.json and the npm packages in
// package.json for the embedded sandbox engine, and Dockerfile with the same
// content for Daytona's cloud.
package defaultenv

import "embed"

// Name is the snapshot's name.
const Name = "default-env:1.0.0"

// Files holds recipe.json, package.json, package-lock.json and Dockerfile.
//
//go:embed recipe.json package.json package-lock.json Dockerfile
var Files embed.FS
