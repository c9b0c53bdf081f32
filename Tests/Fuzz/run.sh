#!/bin/sh
# Fuzzes the codec for SECONDS seconds (60 unless given): Tests/Fuzz/run.sh [SECONDS]
# Builds into .build-fuzz with libFuzzer and the address sanitizer; the corpus grows there, and begins with the vectors of the document.
set -eu
cd "$(dirname "$0")/../.."
seconds="${1:-60}"
out=.build-fuzz
mkdir -p "$out/corpus"

flags="-swift-version 6 -O -wmo -parse-as-library -sanitize=fuzzer,address
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility -enable-upcoming-feature InternalImportsByDefault"
for module in Bytes ChatProtocol; do
    # shellcheck disable=SC2086
    swiftc $flags -module-name "$module" -I "$out" -emit-module -emit-module-path "$out/$module.swiftmodule" \
        -c Sources/"$module"/*.swift -o "$out/$module.o"
done
# shellcheck disable=SC2086
swiftc $flags -module-name FrameFuzzer -I "$out" Tests/Fuzz/FrameFuzzer.swift "$out/Bytes.o" "$out/ChatProtocol.o" -o "$out/frame-fuzzer" \
    -use-ld=lld

# Every dump of docs/PROTOCOL.md is a seed, written as octal escapes of printf.
number=0
awk '
    function digit(character) { return index("0123456789abcdef", character) - 1 }
    /^\*\*Example/ { if (seed) print seed; seed = "" }
    /^[0-9a-f][0-9a-f][0-9a-f][0-9a-f]  / {
        count = split(substr($0, 7, 50), octets, " ")
        for (i = 1; i <= count; i++)
            seed = seed sprintf("\\%03o", 16 * digit(substr(octets[i], 1, 1)) + digit(substr(octets[i], 2, 1)))
    }
    END { print seed }
' docs/PROTOCOL.md | while IFS= read -r seed; do
    number=$((number + 1))
    # shellcheck disable=SC2059
    printf "$seed" > "$out/corpus/example-$number"
done

SWIFT_BACKTRACE=enable=no "$out/frame-fuzzer" -max_total_time="$seconds" -max_len=4096 -use_value_profile=1 \
    -artifact_prefix="$out/" "$out/corpus" > "$out/fuzz.log" 2>&1 || { tail -40 "$out/fuzz.log"; exit 1; }
tail -3 "$out/fuzz.log"
