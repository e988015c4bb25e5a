#!/bin/sh
# Runs once a push, before any ref moves, with "<old> <new> <ref>" a line.
# $KATONIC_PUSH is "user", or the one ref that an agent may move.
zero=0000000000000000000000000000000000000000

refuse() {
    echo "$1" >&2
    exit 1
}

while read -r _ new ref; do
    # Git takes such names; whoever passes one to a command would give it an option.
    case $ref in
    */-*) refuse "no part of a ref name starts with a dash" ;;
    esac
    case $KATONIC_PUSH in
    refs/katonic/results/?*)
        [ "$ref" = "$KATONIC_PUSH" ] || refuse "this agent may not push $ref"
        [ "$new" != $zero ] || refuse "results are not deleted"
        ;;
    user)
        case $ref in
        refs/heads/?* | refs/tags/?*) ;;
        refs/katonic/snapshots/?*)
            [ "$new" != $zero ] || refuse "snapshots are not deleted"
            [ "$ref" = "refs/katonic/snapshots/$new" ] || refuse "a snapshot is named by its commit"
            ;;
        *) refuse "$ref may not be pushed" ;;
        esac
        ;;
    *) refuse "nothing may be pushed" ;;
    esac
done
