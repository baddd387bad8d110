// Joins two streams: bytes from each go to the other, with back-pressure.
import Loop

/// Passes bytes between two streams until one ends; then the other sends its queue and ends.
@IO public func join(_ one: any ByteStream, _ other: any ByteStream) async {
    let ended = Once<Void>()
    pass(from: one, to: other, ended)
    pass(from: other, to: one, ended)
    one.resumeReading()
    other.resumeReading()
    await ended.wait()
}

@IO private func pass(from source: any ByteStream, to sink: any ByteStream, _ ended: Once<Void>) {
    // Unsent bytes above which the source pauses: what a slow reader may make us buffer.
    let cap = 1 << 18
    source.onData = { [weak source, weak sink] bytes in
        guard let sink else { return }
        sink.write(bytes)
        if sink.unsent > cap { source?.pauseReading() }
    }
    sink.onDrain = { [weak source] in source?.resumeReading() }
    source.onEnd = { [weak sink] in sink?.endWriting() }
    source.onClose = { [weak sink] _ in
        sink?.finish()
        ended.set(())
    }
}
