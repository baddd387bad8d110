// libvterm's callbacks: put a character, erase, scroll, change screens. It calls them through the
// pointer it was given, always inside a `feed`.
// Invariant: nothing outside the rows is changed, whatever libvterm asks for.
import CVTerm

extension Screen {
    /// The callbacks of every screen, for as long as the process lives.
    ///
    /// Unsafe only in its type, a pointer: it is filled once and never changed.
    nonisolated(unsafe) static let callbacks: UnsafePointer<VTermStateCallbacks> = {
        var calls = VTermStateCallbacks()
        calls.putglyph = { info, place, user in
            guard let info = info?.pointee, let scalar = info.chars?.pointee else { return 1 }
            Screen.of(user)?.put(
                scalar, Int(info.width), Position(row: Int(place.row), column: Int(place.col)))
            return 1
        }
        calls.erase = { rect, _, user in
            Screen.of(user)?.erase(rect)
            return 1
        }
        calls.scrollrect = { rect, downward, rightward, user in
            Screen.of(user)?.scroll(rect, Int(downward), Int(rightward))
            return 1
        }
        calls.settermprop = { property, value, user in
            if property == VTERM_PROP_ALTSCREEN, let value {
                Screen.of(user)?.showAlternate(value.pointee.boolean != 0)
            }
            return 1
        }
        let place = UnsafeMutablePointer<VTermStateCallbacks>.allocate(capacity: 1)
        place.initialize(to: calls)
        return UnsafePointer(place)
    }()

    private static func of(_ user: UnsafeMutableRawPointer?) -> Screen? {
        user.map { Unmanaged<Screen>.fromOpaque($0).takeUnretainedValue() }
    }

    private func put(_ scalar: UInt32, _ width: Int, _ place: Position) {
        let end = place.column + width
        guard width > 0, place.column >= 0, end <= columns, lines.indices.contains(place.row) else {
            newest = nil
            return
        }
        let missing = end - lines[place.row].count
        if missing > 0 {
            lines[place.row].append(contentsOf: repeatElement(.blank, count: missing))
        }
        lines[place.row][place.column] = Cell(scalar, isWide: width > 1)
        if width > 1 { lines[place.row][place.column + 1] = .rest }
        newest = place
    }

    private func erase(_ rect: VTermRect) {
        guard !isRestoring else { return }
        let first = max(Int(rect.start_col), 0)
        for row in rows(of: rect) {
            let count = lines[row].count
            let end = min(Int(rect.end_col), count)
            guard first < end else { continue }
            if end == count {
                lines[row].removeSubrange(first...)
            } else {
                for column in first..<end { lines[row][column] = .blank }
            }
        }
    }

    private func scroll(_ rect: VTermRect, _ downward: Int, _ rightward: Int) {
        guard !isRestoring else { return }
        if rightward == 0 { scrollRows(rows(of: rect), downward) }
        let first = max(Int(rect.start_col), 0)
        guard rightward != 0, first < columns else { return }
        // Only the rest of a row moves sideways: the modes that move less are filtered out.
        for row in rows(of: rect) where first < lines[row].count {
            if rightward > 0 {
                let end = min(first + rightward, lines[row].count)
                lines[row].removeSubrange(first..<end)
            } else {
                let count = min(-rightward, columns - first)
                lines[row].insert(contentsOf: repeatElement(.blank, count: count), at: first)
                lines[row].removeLast(max(0, lines[row].count - columns))
            }
        }
    }

    private func rows(of rect: VTermRect) -> Range<Int> {
        let first = min(max(Int(rect.start_row), 0), lines.count)
        return first..<min(max(Int(rect.end_row), first), lines.count)
    }

    private func scrollRows(_ rows: Range<Int>, _ downward: Int) {
        let count = min(abs(downward), rows.count)
        let blank = repeatElement([Cell](), count: count)
        if downward > 0 {
            lines.removeSubrange(rows.prefix(count))
            lines.insert(contentsOf: blank, at: rows.upperBound - count)
        } else {
            lines.removeSubrange(rows.suffix(count))
            lines.insert(contentsOf: blank, at: rows.lowerBound)
        }
    }

    private func showAlternate(_ shows: Bool) {
        guard !isRestoring, shows != isAlternateShown else { return }
        if shows { mainCursor = cursor }
        swap(&lines, &otherLines)
        isAlternateShown = shows
        newest = nil
    }
}
