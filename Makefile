# Conveniences; everything also works with plain go commands.
.PHONY: build test ci generate bench soak
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
# an hour of faults; SOAK_TIME=10m, QUARRY_CHAOS_SEED=7
soak:
	QUARRY_CHAOS_TIME=$${SOAK_TIME:-1h} go test ./stratum -run '^TestChaos$$' -count 1 -v -timeout 0
