package hashing

import (
	"crypto/sha256"
	"encoding"
	"testing"
)

// benchRange is how many nonces one benchmark iteration searches: some
// milliseconds, as in the miner.
const benchRange = 1 << 15

func reportRate(b *testing.B, hashes uint64) {
	b.ReportMetric(float64(hashes)/b.Elapsed().Seconds()/1e6, "MH/s")
}

func BenchmarkKernel(b *testing.B) {
	for _, k := range Kernels() {
		b.Run(k.Name+"/versions=1", func(b *testing.B) { benchmarkScan(b, k, 1) })
		b.Run(k.Name+"/versions=8", func(b *testing.B) { benchmarkScan(b, k, 8) })
		b.Run(k.Name+"/versions=32", func(b *testing.B) { benchmarkScan(b, k, 32) })
	}
}

func benchmarkScan(b *testing.B, k Kernel, versions int) {
	skipUnlessRunnable(b, k)
	p := new(Prehash)
	header := randomHeader(random(1))
	p.Set(&header, rolled(versions), 0)
	hits := make([]Hit, MinHits)
	count := uint32(benchRange / versions)
	var start uint32
	for b.Loop() {
		k.Scan(p, start, count, hits)
		start += count
	}
	reportRate(b, uint64(b.N)*uint64(count)*uint64(versions))
}

// BenchmarkStandardLibrary is what a simple miner would do: crypto/sha256
// (which uses SHA-NI where it can) from a midstate, twice per nonce.
func BenchmarkStandardLibrary(b *testing.B) {
	header := randomHeader(random(1))
	outer := sha256.New()
	outer.Write(header[:64])
	midstate, err := outer.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		b.Fatal(err)
	}
	var sum [32]byte
	var nonce uint32
	for b.Loop() {
		for range benchRange {
			header.SetNonce(nonce)
			nonce++
			if err := outer.(encoding.BinaryUnmarshaler).UnmarshalBinary(midstate); err != nil {
				b.Fatal(err)
			}
			outer.Write(header[64:])
			sum = sha256.Sum256(outer.Sum(sum[:0]))
		}
	}
	if Hash(sum).TopWord() == 0 {
		b.Log("a winner, by chance")
	}
	reportRate(b, uint64(b.N)*benchRange)
}

// BenchmarkCompress is a loop over the reference's compression function with
// the midstate, without any other saving.
func BenchmarkCompress(b *testing.B) {
	p := new(Prehash)
	header := randomHeader(random(1))
	p.Set(&header, []uint32{1}, 0)
	var nonce uint32
	for b.Loop() {
		for range benchRange {
			state := p.Midstates[0]
			compress(&state, &[16]uint32{p.Tail[0], p.Tail[1], p.Tail[2], nonce, 0x80000000, 15: 640})
			second := initialState
			compress(&second, &[16]uint32{state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7], 0x80000000, 15: 256})
			nonce++
			if second[7] == 0 {
				b.Log("a winner, by chance")
			}
		}
	}
	reportRate(b, uint64(b.N)*benchRange)
}
