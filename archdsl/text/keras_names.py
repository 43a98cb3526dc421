"""How pasted listings name Keras's classes, as parts of regular expressions."""

MODULE = r"(?:\b(?:[A-Za-z_]\w*\.)*(?:keras|layers|models)\.)?"
CLASS = (
    r"[A-Z]\w*[123]D(?:Transpose)?|Dense|Flatten|(?:Gaussian|Alpha)?Dropout|Activation"
    r"|(?:Batch|Layer|Group|Unit)?Normalization|(?:Leaky|P)?ReLU|ELU|Softmax|Reshape|Permute"
    r"|Concatenate|Add|Multiply|Average|Maximum|Minimum|Subtract|Dot|GaussianNoise|Rescaling"
    r"|Resizing|Random[A-Z]\w*|CenterCrop|RepeatVector|Embedding|LSTM|GRU|SimpleRNN|Bidirectional"
    r"|TimeDistributed|(?:MultiHead)?Attention"
)
