// Records from the microphone. `start` resolves once it records; `stop` resolves with a File.

const TYPES = [["audio/webm", "webm"], ["audio/mp4", "mp4"], ["audio/ogg", "ogg"]];

export async function record() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const [type, ending] = TYPES.find(([one]) => MediaRecorder.isTypeSupported(one)) ?? ["", "webm"];
  const recorder = new MediaRecorder(stream, type ? { mimeType: type } : {});
  const parts = [];
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  recorder.start(1000);
  const end = () => new Promise((resolve) => {
    recorder.addEventListener("stop", () => {
      for (const track of stream.getTracks()) track.stop();
      resolve(new File(parts, `recording.${ending}`, { type: recorder.mimeType.split(";")[0] }));
    }, { once: true });
    recorder.stop();
  });
  return { stop: end };
}
