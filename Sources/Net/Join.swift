// Two streams made one: what either brings goes to the other, under back-pressure.
import Loop

/// Passes bytes between two streams until one ends; then the other ends after what is queued.
@IO public func join(_ one: any ByteStream, _ other: any ByteStream) async {
    let ended = Once<Void>()
    pass(from: one, to: other, ended)
    pass(from: other, to: one, ended)
    one.resumeReading()
    other.resumeReading()
    await ended.wait()
}

@IO private func pass(from source: any ByteStream, to sink: any ByteStream, _ ended: Once<Void>) {
    // More than this unsent stops the source.
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
