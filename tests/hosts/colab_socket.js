// Colab shows a comm message only while the request that it answers is being processed (googlecolab/colabtools#3373).
// Here, what comes at another time never reaches the page: neither from a thread, nor from a task, nor after the reply.
(() => {
  const decoder = new TextDecoder();

  function read(data, protocol) {
    const whole = ({ channel, header, parent_header, content }) => ({ channel, header, parent: parent_header, content });
    if (typeof data === "string") return whole(JSON.parse(data));
    // v1.kernel.websocket.jupyter.org: the number of offsets, the offsets, and between them channel, header, parent,
    // metadata, content and buffers.
    const view = new DataView(data);
    if (protocol === "") {
      // The older form of a message with buffers: their number with the message's, and the offsets, in 32 bits.
      const end = view.getUint32(0) > 1 ? view.getUint32(8) : data.byteLength;
      return whole(JSON.parse(decoder.decode(data.slice(view.getUint32(4), end))));
    }
    const offset = (index) => Number(view.getBigUint64(8 * (index + 1), true));
    const text = (index) => decoder.decode(data.slice(offset(index), offset(index + 1)));
    const json = (index) => JSON.parse(text(index));
    return { channel: text(0), header: json(1), parent: json(2), content: json(4) };
  }

  window.colab = { dropped: [] };
  window.WebSocket = class extends WebSocket {
    constructor(...address) {
      super(...address);
      if (!String(address[0]).includes("/api/kernels/")) return;
      // A request may be older than the page: a cell that still runs after a reload.
      const busy = new Set(JSON.parse(sessionStorage.getItem("busy") ?? "[]"));
      // The first listener hears a message first, and can keep it from all others.
      this.addEventListener("message", (event) => {
        const { channel, header, parent, content } = read(event.data, this.protocol);
        if (channel !== "iopub") return;
        if (header.msg_type === "status") {
          if (content.execution_state === "busy") busy.add(parent.msg_id);
          else busy.delete(parent.msg_id);
          sessionStorage.setItem("busy", JSON.stringify([...busy]));
        } else if (header.msg_type.startsWith("comm_")) {
          if (busy.has(parent.msg_id)) return;
          window.colab.dropped.push(JSON.stringify(content));
          event.stopImmediatePropagation();
        }
      });
    }
  };
})();
