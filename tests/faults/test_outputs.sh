#!/usr/bin/env bash
# A fault at each write of an output's file, in every format of a scan and of a report: the program says which file and
# why and ends with 2, the other outputs are whole, JSON Lines are valid up to the last line, and what is renamed into its
# place at the end is either the old file or the new one.
set -uo pipefail
shopt -s extglob
# shellcheck source=tests/faults/points.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/points.sh"
enter "faults of outputs in a namespace" "$0" "$@"
place_begin

jq -c '.rate_pps = 0' "$DIR/plan.json" >"$DIR/fast.json"
PLAN=$DIR/fast.json
DB=$DIR/audit.db
REPORT=$DIR/report
FORMATS=(table jsonl xml)

paths_in() {
    FOLDER=$1/kept
    mkdir -p "$FOLDER"
}

# is_whole FORMAT: whether the file holds all that there is.
is_whole() {
    local file=$FOLDER/$1
    case $1 in
    table) [[ $(grep -c '/tcp *open ' "$file") == 9 && $(tail -n 1 "$file") == 'Done: 9 open ports on 3 of 3 hosts'* ]] ;;
    jsonl) [[ $(tail -n 1 "$file") == *'"type":"scan_end"'*'"complete":true'* && $(jq -c 'select(.type == "port")' "$file" |
        wc -l) == 9 ]] ;;
    xml) [[ $(grep -o 'state="open"' "$file" | wc -l) == 9 && $(tail -n 1 "$file") == '</nmaprun>' ]] ;;
    report) cmp -s "$file" "$REPORT" ;;
    esac
}

# judge_file KIND STATUS FORMAT: what is wrong with the file that had the fault.
judge_file() {
    local file=$FOLDER/$3
    if [[ $2 == 0 ]]; then
        is_whole "$3" || echo "not whole: $(cat "$file")"
    elif [[ $3 == jsonl ]]; then
        # Only a program that dies within a write leaves a line by half.
        [[ ! -s $file || $1 == torn || -z $(tail -c 1 "$file") ]] || echo "ends within a line"
        [[ $(<"$file") == old ]] || head -n "$(wc -l <"$file")" "$file" | jq -e . >/dev/null || echo "a line is not valid"
    elif [[ $3 == @(xml|report) ]]; then
        [[ $(<"$file") == old ]] || is_whole "$3" || echo "neither the old file nor the new one: $(<"$file")"
    fi
    [[ $1 == @(before|after|torn) || ! -e $file.part ]] || echo "the part is left behind"
}

# judge_end KIND STATUS FILE: what is wrong with how the program ended.
judge_end() {
    if [[ -e $DIR/acted ]]; then
        case $1/$2 in
        count/0 | short/0 | before/"$FAULT_EXIT" | after/"$FAULT_EXIT" | torn/"$FAULT_EXIT") ;;
        enospc/2 | eio/2)
            grep -q "$3.*\(No space left on device\|Input/output error\)" "$DIR/err" ||
                echo "does not say which file and why: $(<"$DIR/err")"
            ;;
        *) echo "status $2: $(<"$DIR/err")" ;;
        esac
    fi
}

# at_scan KIND N: the fault comes in the file of $FORMAT, beside the other formats'.
at_scan() {
    local format status
    local -a outputs=()
    rm -f -- "$FOLDER"/* "$DIR/state"
    for format in "${FORMATS[@]}"; do
        outputs+=(-o "$format:$FOLDER/$format")
        echo old >"$FOLDER/$format"
    done
    with_fault "$1" "$2" "$FOLDER/$FORMAT*" "$SCANNER" --plan "$PLAN" --state "$DIR/state" "${outputs[@]}" \
        2>"$DIR/err"
    status=$?
    judge_end "$1" "$status" "$FOLDER/$FORMAT"
    judge_file "$1" "$status" "$FORMAT"
    if [[ $status == 2 && $(sort -u "$FOLDER"/!(*.part)) == old ]]; then
        # An output that cannot be made is refused before anything is sent.
        grep -q 'cannot create' "$DIR/err" || echo "nothing is written: $(<"$DIR/err")"
        return
    fi
    for format in "${FORMATS[@]}"; do
        if [[ $status == 2 && $format != "$FORMAT" ]]; then
            is_whole "$format" || echo "$format is not whole: $(cat "$FOLDER/$format")"
        fi
    done
}

# at_report KIND N
at_report() {
    local status
    rm -f -- "$FOLDER"/*
    echo old >"$FOLDER/report"
    with_fault "$1" "$2" "$FOLDER/report*" "$BIN/leastport" report --db "$DB" -o "$FORMAT:$FOLDER/report" 2>"$DIR/err"
    status=$?
    judge_end "$1" "$status" "$FOLDER/report"
    judge_file "$1" "$status" report
}

# points_of FUNCTION: counts them and tries them.
points_of() {
    "$1" count 0 >"$DIR/problems"
    tap_is "all is well where only calls are counted" "$(<"$DIR/problems")" ''
    each_point "$(wc -l <"$DIR/acted")" "$(grep -c -E 'write|open' "$DIR/acted")" "$1"
}

paths_in "$DIR"
for FORMAT in "${FORMATS[@]}"; do
    tap_diag "in the file of a scan's $FORMAT"
    points_of at_scan
done
audit "$PLACE_TARGETS" -p "$PLACE_PORTS" --rate 0 --host-rate 0 --db "$DB"
for FORMAT in table jsonl; do
    tap_diag "in the file of a report's $FORMAT"
    "$BIN/leastport" report --db "$DB" -o "$FORMAT:$REPORT"
    points_of at_report
done

tap_diag "in a report at the end of an audit"
echo old >"$FOLDER/report"
with_fault enospc 1 "$FOLDER/report*" audit "$PLACE_TARGETS" -p "$PLACE_PORTS" --rate 0 --host-rate 0 --db "$DB" \
    -o "table:$FOLDER/report" -o "jsonl:$FOLDER/other"
tap_is "an audit whose report cannot be written ends with 2" "$status" 2
tap_like "and says which file and why" "$err" "$FOLDER/report.*: No space left on device"
tap_is "leaves the old one" "$(<"$FOLDER/report")" old
tap_ok "and writes the other" grep -q '"type":"score"' "$FOLDER/other"
tap_done
