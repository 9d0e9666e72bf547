// The generator of the assembly kernels. It is a module of its own, so that
// quarry itself does not depend on avo.
module quarry/hashing/asm

go 1.26.0

require github.com/mmcloughlin/avo v0.6.0

require (
	golang.org/x/mod v0.29.0 // indirect
	golang.org/x/sync v0.17.0 // indirect
	golang.org/x/tools v0.38.0 // indirect
)
