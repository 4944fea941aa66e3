import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;

/**
 * The network in ONNX Runtime in Kafka Streams, exactly once: one window at a time, until SIGTERM.
 *
 * <p>Options as of the other programs, then {@code --network FILE}, {@code --threads N} and
 * {@code --state FOLDER}.
 */
public final class Peer {
  private static final String[] LABELS = {"Ball", "InnerRace", "Normal", "OuterRace"};
  private static final int LENGTH = 2048;

  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;

  private Peer(String network) throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    // The threads are those of Kafka Streams.
    options.setIntraOpNumThreads(1);
    options.setInterOpNumThreads(1);
    session = environment.createSession(network, options);
  }

  /** Diagnoses a window, float32 in the value of a message; any thread may call it. */
  private byte[] diagnose(byte[] value) {
    FloatBuffer samples = standardised(value);
    long[] shape = {1, 1, LENGTH};
    try (OnnxTensor window = OnnxTensor.createTensor(environment, samples, shape);
        OrtSession.Result result = session.run(Map.of("window", window))) {
      return json(((float[][]) result.get(0).getValue())[0]);
    } catch (OrtException failure) {
      throw new IllegalStateException(failure);
    }
  }

  private static FloatBuffer standardised(byte[] value) {
    float[] samples = new float[LENGTH];
    ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(samples);
    double mean = 0;
    for (float sample : samples) {
      mean += sample;
    }
    mean /= LENGTH;
    double squares = 0;
    for (float sample : samples) {
      squares += (sample - mean) * (sample - mean);
    }
    double scale = 1 / Math.sqrt(squares / (LENGTH - 1));
    FloatBuffer result =
        ByteBuffer.allocateDirect(4 * LENGTH).order(ByteOrder.nativeOrder()).asFloatBuffer();
    for (int i = 0; i < LENGTH; i++) {
      result.put(i, (float) ((samples[i] - mean) * scale));
    }
    return result;
  }

  private static byte[] json(float[] probabilities) {
    int best = 0;
    StringBuilder text = new StringBuilder(160);
    for (int i = 0; i < LABELS.length; i++) {
      best = probabilities[i] > probabilities[best] ? i : best;
      text.append(i == 0 ? "" : ",").append('"').append(LABELS[i]).append("\":");
      text.append(probabilities[i]);
    }
    String line =
        "{\"prediction\":\"" + LABELS[best] + "\",\"probabilities\":{" + text + "}}";
    return line.getBytes(StandardCharsets.UTF_8);
  }

  public static void main(String[] arguments) throws OrtException {
    Map<String, String> given = new HashMap<>();
    for (int i = 0; i < arguments.length; i += 2) {
      given.put(arguments[i], arguments[i + 1]);
    }
    Peer peer = new Peer(given.get("--network"));
    StreamsBuilder builder = new StreamsBuilder();
    builder.<byte[], byte[]>stream(given.get("--windows-topic"))
        .mapValues(peer::diagnose)
        .to(given.get("--diagnoses-topic"));
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, given.get("--group"));
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given.get("--bootstrap-servers"));
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, given.get("--threads"));
    properties.put(StreamsConfig.STATE_DIR_CONFIG, given.get("--state"));
    Class<?> bytes = Serdes.ByteArraySerde.class;
    properties.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, bytes);
    properties.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, bytes);
    KafkaStreams streams = new KafkaStreams(builder.build(), properties);
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }
}
