# Conveniences; everything also works with plain go commands.
.PHONY: build test ci generate bench
build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o quarry ./cmd/quarry
test:
	go test ./...
ci:
	bash .ci/run
generate:
	cd hashing/_asm && go run .
	go run ./hashing/_generic
bench:
	go test ./benchmarks -run '^$$' -bench . -count 5
