#!/bin/sh
# The folder bench/ is what its README says: every file is named there, and every script says how it is called when it is called wrongly.
# Usage: bench.sh SOURCE_DIR
set -eu
cd "$1/bench"
failed=0
for file in *.sh *.c *.h *.py; do
    stem=${file%.*}
    grep -qF -e "$file" -e "\`$stem.*\`" README.md || {
        echo "bench/README.md does not name $file" >&2
        failed=1
    }
done
for script in *.sh; do
    [ -x "$script" ] || continue
    for arguments in "" "/nonexistent /nonexistent /nonexistent"; do
        status=0
        # shellcheck disable=SC2086 # several words
        said=$("./$script" $arguments 2>&1 </dev/null) || status=$?
        if [ "$status" -ne 2 ] || ! echo "$said" | grep -qF "bench/$script BUILD"; then
            echo "bench/$script '$arguments': status $status, said: $said" >&2
            failed=1
        fi
    done
done
exit "$failed"
