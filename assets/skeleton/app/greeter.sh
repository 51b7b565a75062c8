edition="0000000000000000"
echo "hello; edition $edition"
