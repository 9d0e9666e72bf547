// Package bitcoin knows what of the Bitcoin protocol a miner needs beside hashing:
// addresses and the scripts that pay to them, coinbase transactions and the height
// in them. It reads bytes and text, and imports nothing of ours.
package bitcoin
