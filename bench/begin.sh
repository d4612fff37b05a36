# shellcheck shell=bash
# begin.sh: read by the other scripts here: what is said to a stranger who lacks something. The head of a script, down to its first
# line that is no comment, is its usage.

usage() { # [WHY]
    [ $# -eq 0 ] || echo "$(basename "$0"): $1" >&2
    sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
}

need() { # TOOL PACKAGE
    command -v "$1" >/dev/null || {
        echo "$(basename "$0"): $1 is missing; it is in the Debian package $2" >&2
        exit 1
    }
}

need_root() {
    [ "$(id -u)" -eq 0 ] || {
        echo "$(basename "$0"): only root can $1" >&2
        exit 1
    }
}

need_cpus() { # COUNT
    [ "$(nproc)" -ge "$1" ] || {
        echo "$(basename "$0"): needs $1 CPUs, for server and client are pinned to one each" >&2
        exit 1
    }
}

# The build directory, which must have these programs, and numbers of at least 1.
check_build() { # BUILD_DIR PROGRAM...
    local build=$1 program
    shift
    for program; do
        [ -x "$build/$program" ] || usage "$build/$program is not there; build it: cmake --preset release && cmake --build --preset release"
    done
}

check_numbers() { # NUMBER...
    local number
    for number; do
        [[ $number =~ ^[1-9][0-9]*$ ]] || usage "not a number: $number"
    done
}

# The words of the first list that ask for something must all be in the second.
check_words() { # "WANTED" "KNOWN"
    local word
    for word in $1; do
        [[ " $2 " == *" $word "* ]] || usage "no such row: $word; there are: $2"
    done
}

has_word() { [[ " $1 " == *" $2 "* ]]; } # "WORDS" WORD

# Of the numbers on standard input.
median() { sort -g | awk '{ v[NR] = $1 } END { print NR == 0 ? "" : v[int((NR + 1) / 2)] }'; }
